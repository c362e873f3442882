"""Log-mel bands and MFCC. The transforms are torchaudio's; what is fixed here are the conventions.

Frames: Hann window, hop by hop, frame t centred at sample t * hop, zeros beyond both ends; 1 + time // hop frames.
Bands: triangular on the HTK mel scale, power spectrum, unnormalised. Log: natural, of power + floor.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Union

import torch
from torch import Tensor, nn

from speechgru import typed
from speechgru.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

Source = Union[str, Path, BinaryIO, "np.ndarray[Any, Any]", Tensor]

# A band that hardly varies holds no speech (a telephone's upper half); scaling it to unit variance would only
# lift codec noise. Natural-log mel bands of speech vary by about 2.
MIN_DEVIATION = 1.0


@dataclass(frozen=True)
class Settings:
    """Of log-mel features: rate in Hz, window and hop in seconds, band edges in Hz."""

    sample_rate: int = 16000
    n_mels: int = 80
    window: float = 0.025
    hop: float = 0.010
    f_min: float = 20.0
    f_max: float = 8000.0
    log_floor: float = 1e-6
    normalise: Literal["utterance", "none"] = "utterance"
    """utterance: each band to mean 0 and deviation 1 over the recording; none: as it is."""

    def __post_init__(self) -> None:
        if self.sample_rate < 4000 or self.n_mels < 1 or not self.log_floor > 0:
            raise ConfigError(
                f"Features want sample_rate ≥ 4000 Hz, n_mels ≥ 1 and log_floor > 0; got {self.sample_rate}, "
                f"{self.n_mels} and {self.log_floor}."
            )
        if not 1 / self.sample_rate <= self.hop <= self.window <= 1:
            raise ConfigError(
                f"Features want one sample ≤ hop ≤ window ≤ 1 s; got {self.hop} s and {self.window} s."
            )
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise ConfigError(
                f"Features want 0 ≤ f_min < f_max ≤ sample_rate / 2 = {self.sample_rate / 2:g} Hz; got "
                f"f_min={self.f_min:g} and f_max={self.f_max:g}."
            )
        if self.normalise not in ("utterance", "none"):
            raise ConfigError(f"Features want normalise 'utterance' or 'none'; got {self.normalise!r}.")

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        return round(self.hop * self.sample_rate)

    @property
    def fingerprint(self) -> str:
        """Changes when any setting does: 16 hexadecimal digits. Equal settings have equal ones."""
        same = typed.build(Settings, asdict(self))  # 20 Hz given as 20 or as 20.0
        text = json.dumps({"kind": "log_mel", **asdict(same)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class LogMel(nn.Module):
    """Log-mel features of a signal or a padded batch; padding reaches no valid frame."""

    def __init__(self, settings: Settings = Settings()) -> None:
        super().__init__()
        self.settings = settings
        self.transform = _mel_spectrogram(settings)

    def forward(self, signal: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Features [B, frames, n_mels] (zero past each end) and frames [B].

        Args:
            signal: [time] or [B, time], floats in [-1, 1] at `settings.sample_rate`.
            lengths: valid samples of each row, [B]; None: all.
        """
        if signal.dim() == 1:
            signal = signal.unsqueeze(0)
        if lengths is None:
            lengths = torch.full((len(signal),), signal.shape[1], device=signal.device)
        inside = torch.arange(signal.shape[1], device=signal.device) < lengths.unsqueeze(1)
        power = self.transform(torch.where(inside, signal, 0.0))
        features = (power + self.settings.log_floor).log().transpose(1, 2)
        frames = 1 + lengths // self.settings.hop_length
        mask = (torch.arange(features.shape[1], device=signal.device) < frames.unsqueeze(1)).unsqueeze(2)
        if self.settings.normalise == "utterance":
            features = normalise(features, frames, mask)
        return torch.where(mask, features, 0.0), frames


def normalise(features: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
    """Each band of each row to mean 0 and deviation 1 over its valid frames; nearly constant bands to mean 0.

    Args: features [B, frames, bands]; frames [B]; mask [B, frames, 1], true where a frame is valid.
    """
    count = frames.view(-1, 1, 1)
    mean = torch.where(mask, features, 0.0).sum(dim=1, keepdim=True) / count
    centred = torch.where(mask, features - mean, 0.0)
    deviation = (centred.square().sum(dim=1, keepdim=True) / count).sqrt()
    return centred / deviation.clamp(min=MIN_DEVIATION)


def log_mel(source: Source, sample_rate: int | None = None, **settings: Any) -> Tensor:
    """Log-mel bands of a recording: [frames, n_mels], natural log of power, 25 ms windows every 10 ms.

    Args:
        source: a path, "-", a binary file, or an array or tensor [time] or [channels, time].
        sample_rate: of an array, in Hz; a file states its own. Either is resampled to 16 kHz.
        settings: the other fields of `Settings`; here `normalise` is "none" unless given.

    Raises:
        AudioError: the recording can't be read. ConfigError: an impossible setting.
    """
    return _log_mel(source, sample_rate, _settings(settings))


def mfcc(source: Source, sample_rate: int | None = None, *, n_mfcc: int = 13, **settings: Any) -> Tensor:
    """Mel-frequency cepstral coefficients [frames, n_mfcc]: orthonormal DCT-II of `log_mel` over its bands.

    Arguments as for `log_mel`. Source: Davis and Mermelstein 1980; torchaudio's DCT matrix.
    """
    from torchaudio.functional import create_dct

    chosen = _settings(settings)
    if not 1 <= n_mfcc <= chosen.n_mels:
        raise ConfigError(f"n_mfcc must lie in 1..n_mels ({chosen.n_mels}); got {n_mfcc}.")
    return _log_mel(source, sample_rate, chosen) @ create_dct(n_mfcc, chosen.n_mels, norm="ortho")


def _settings(given: dict[str, Any]) -> Settings:
    return typed.build(Settings, {"normalise": "none", **given}, "features")


def _log_mel(source: Source, sample_rate: int | None, settings: Settings) -> Tensor:
    return LogMel(settings)(_signal(source, sample_rate, settings.sample_rate))[0][0]


def _signal(source: Source, sample_rate: int | None, wanted: int) -> Tensor:
    from speechgru import audio, samples

    if samples.is_array(source):
        return torch.from_numpy(samples.from_array(source, sample_rate, wanted).signal)
    return torch.from_numpy(audio.read(source, wanted))  # type: ignore[arg-type]


def _mel_spectrogram(settings: Settings) -> nn.Module:
    from torchaudio.transforms import MelSpectrogram

    window = round(settings.window * settings.sample_rate)
    return MelSpectrogram(
        settings.sample_rate,
        n_fft=1 << (window - 1).bit_length(),
        win_length=window,
        hop_length=settings.hop_length,
        f_min=settings.f_min,
        f_max=settings.f_max,
        n_mels=settings.n_mels,
        pad_mode="constant",
    )
