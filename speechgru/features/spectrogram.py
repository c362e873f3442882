"""Spectrogram, mel and log-mel bands, in the conventions of whoever is to be matched.

Frames: a window of `window` seconds in the middle of `n_fft` samples, hop by hop, centred at t · hop with the
signal continued by `padding` (1 + time // hop frames), or, without padding, within the signal only. Bands:
triangles, torchaudio's. `speechgru.features.frontend` has the one set of conventions that trained models take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from speechgru.errors import ConfigError
from speechgru.features.base import Kind, Transform
from speechgru.features.framing import Framing
from speechgru.utils.dependencies import torchaudio_module

MIN_RATE = 4000
# A band that hardly varies holds no speech (a telephone's upper half); scaling it to unit variance would only
# lift codec noise. Natural-log mel bands of speech vary by about 2.
MIN_DEVIATION = 1.0
# Frames at a time on a CPU: what fits the cache is several times faster than all in one piece.
_BLOCK = 512
_WINDOWS: dict[str, Callable[[int], Tensor]] = {
    "hann": torch.hann_window,
    "hamming": torch.hamming_window,
    "blackman": torch.blackman_window,
    "rectangular": lambda size: torch.ones(size),
}


@dataclass(frozen=True)
class SpectrogramSettings:
    """Rate in Hz; window and hop in seconds."""

    rate: int = 16000
    """The signal is resampled to it."""
    window: float = 0.025
    hop: float = 0.010
    n_fft: int = 0
    """0: the next power of two from the window up."""
    shape: Literal["hann", "hamming", "blackman", "rectangular"] = "hann"
    padding: Literal["zeros", "reflect", "none"] = "zeros"
    """What lies beyond both ends of the signal; none: only frames within it."""
    drop_last: bool = False
    """time // hop frames instead of one more, as Whisper has it. Not with padding none."""
    power: float = 2.0
    """Of the magnitude: 2 power, 1 amplitude."""

    def __post_init__(self) -> None:
        if self.rate < MIN_RATE or not 0 < self.power < float("inf"):
            raise ConfigError(f"Expected rate ≥ {MIN_RATE} Hz and power > 0; got {self.rate}, {self.power}.")
        if not 1 / self.rate <= self.hop <= self.window <= 1:
            raise ConfigError(
                f"Expected one sample ≤ hop ≤ window ≤ 1 s; got hop={self.hop} s and window={self.window} s."
            )
        if self.n_fft and (self.n_fft < self.window_length or self.n_fft % 2):
            raise ConfigError(
                f"Expected an even n_fft of at least the window's {self.window_length} samples, or 0 for the next "
                f"power of two; got {self.n_fft}."
            )
        if self.drop_last and self.padding == "none":
            raise ConfigError(
                "drop_last goes with padding='zeros' or 'reflect'; without padding nothing is too many."
            )

    @property
    def window_length(self) -> int:
        """Samples of a window."""
        return round(self.window * self.rate)

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        return round(self.hop * self.rate)

    @property
    def size(self) -> int:
        """Samples of a Fourier transform."""
        return self.n_fft or 1 << (self.window_length - 1).bit_length()


@dataclass(frozen=True)
class MelSettings(SpectrogramSettings):
    """Bands from f_min to f_max Hz."""

    n_mels: int = 80
    f_min: float = 20.0
    f_max: float = 0.0
    """0: half the rate."""
    mel_scale: Literal["htk", "slaney"] = "htk"
    norm: Literal["none", "slaney"] = "none"
    """slaney: each band divided by its width in Hz."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_mels < 1:
            raise ConfigError(f"Expected n_mels ≥ 1; got {self.n_mels}.")
        if not 0 <= self.f_min < self.highest <= self.rate / 2:
            raise ConfigError(
                f"Bands from f_min={self.f_min:g} to f_max={self.highest:g} Hz don't fit a rate of {self.rate} Hz: "
                f"expected 0 ≤ f_min < f_max ≤ {self.rate / 2:g}. Lower f_max or raise rate."
            )

    @property
    def highest(self) -> float:
        """Upper edge of the last band, Hz."""
        return self.f_max or self.rate / 2


@dataclass(frozen=True)
class LogMelSettings(MelSettings):
    """How the logarithm is taken."""

    log: Literal["ln", "db", "whisper"] = "ln"
    """ln: natural, of power + log_floor; db: 10 log10 of at least log_floor; whisper: log10 of at least
    log_floor, at most 8 below the recording's peak, (x + 4) / 4."""
    log_floor: float = 1e-6
    top_db: float | None = None
    """With db: values lie at most so far below the recording's highest."""
    normalise: Literal["none", "utterance"] = "none"
    """utterance: each band to mean 0 and deviation 1 over the recording, as `normalise` does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.log_floor > 0 or (self.top_db is not None and not self.top_db > 0):
            raise ConfigError(
                f"Expected log_floor > 0 and top_db > 0 or null; got {self.log_floor}, {self.top_db}."
            )


class Spectrogram(Transform):
    """|DFT|^power of each frame: [B, frames, 1 + n_fft // 2]. Differentiable, on any device."""

    window: Tensor
    framing: Framing
    block_frames = None

    def __init__(self, settings: SpectrogramSettings = SpectrogramSettings()) -> None:
        super().__init__()
        self.settings: Any = settings
        self.rate = settings.rate
        size, hop, length = settings.size, settings.hop_length, settings.window_length
        left = (size - length) // 2
        window = F.pad(_WINDOWS[settings.shape](length), (left, size - length - left))
        self.register_buffer("window", window, persistent=False)
        self.bins = tuple(k * settings.rate / size for k in range(size // 2 + 1))
        if settings.padding == "none":
            self.framing = Framing.inside(settings.rate, size, hop)
        else:
            shortest = max(length, size // 2 + 1) if settings.padding == "reflect" else length
            self.framing = Framing.centred(
                settings.rate, size, hop, shortest, 0 if settings.drop_last else hop
            )
        self.shortest = self.framing.shortest

    def rows(self, signal: Tensor) -> Tensor:
        return self.spectrum(signal)

    def spectrum(self, signal: Tensor, bank: Tensor | None = None) -> Tensor:
        """[B, frames, 1 + n_fft // 2], or the bands that `bank` sums them to."""
        settings, size = self.settings, self.settings.size
        if settings.padding != "none":
            mode = "constant" if settings.padding == "zeros" else "reflect"
            signal = F.pad(signal, (size // 2, size // 2), mode)
        frames = signal.unfold(1, size, settings.hop_length)
        frames = frames[:, :-1] if settings.drop_last else frames
        count = max(1, _BLOCK // max(1, len(signal)) if signal.device.type == "cpu" else frames.shape[1])
        powers = (self._power(block) for block in torch.split(frames, count, dim=1))
        return torch.cat([power if bank is None else power @ bank for power in powers], dim=1)

    def _power(self, frames: Tensor) -> Tensor:
        """Of frames [..., n_fft]: [..., 1 + n_fft // 2]."""
        spectrum = torch.fft.rfft(frames * self.window)
        # Several times faster than abs(): no root, and one pass fewer.
        power = (spectrum.real * spectrum.real).addcmul_(spectrum.imag, spectrum.imag)
        values: Tensor = power if self.settings.power == 2 else power ** (self.settings.power / 2)
        return values


class MelSpectrogram(Spectrogram):
    """Triangular bands of the spectrogram: [B, frames, n_mels]."""

    bank: Tensor

    def __init__(self, settings: MelSettings = MelSettings()) -> None:
        super().__init__(settings)
        self.register_buffer("bank", _bank(settings), persistent=False)
        self.bins = band_centres(settings.n_mels, settings.f_min, settings.highest, settings.mel_scale)

    def rows(self, signal: Tensor) -> Tensor:
        return self.spectrum(signal, self.bank)


class LogMelSpectrogram(MelSpectrogram):
    """Logarithm of the mel bands: [B, frames, n_mels]."""

    def __init__(self, settings: LogMelSettings = LogMelSettings()) -> None:
        super().__init__(settings)
        if settings.normalise == "utterance":
            self.whole = "normalise='utterance' needs the mean of the whole recording"
        elif settings.log == "whisper" or (settings.log == "db" and settings.top_db is not None):
            self.whole = f"log={settings.log!r} measures from the loudest frame of the whole recording"

    def forward(self, signal: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As of every kind. A padded batch is computed in one piece, unless signals are mirrored at their ends."""
        if lengths is None or self.settings.padding == "reflect":
            return super().forward(signal, lengths)
        signal = self.batch(signal).to(self.window.dtype)
        for samples in lengths.tolist() if self.shortest else ():
            self.check(samples)
        inside = _before(lengths, signal)
        frames = (lengths + self.framing.extra) // self.framing.hop
        power = self.spectrum(torch.where(inside, signal, 0.0), self.bank)
        mask = _before(frames, power).unsqueeze(2)
        return torch.where(mask, self.finish(power, mask), 0.0), frames

    def rows(self, signal: Tensor) -> Tensor:
        power = self.spectrum(signal, self.bank)
        return self.finish(power, torch.ones_like(power[:, :, :1], dtype=torch.bool))

    def finish(self, power: Tensor, mask: Tensor) -> Tensor:
        """From mel bands [B, frames, n_mels] to values; `mask` [B, frames, 1] is true where a frame is valid."""
        values = take_log(power, self.settings, mask)
        return normalise(values, mask) if self.settings.normalise == "utterance" else values


def take_log(power: Tensor, settings: LogMelSettings, mask: Tensor) -> Tensor:
    """As `settings.log` says, of [B, frames, bands]; `mask` [B, frames, 1] is true where a frame is valid."""
    if settings.log == "ln":
        return (power + settings.log_floor).log()
    values = power.clamp(min=settings.log_floor).log10()
    if settings.log == "whisper":
        return (values.maximum(_peak(values, mask) - 8) + 4) / 4
    values = (20 / settings.power) * values
    return values if settings.top_db is None else values.maximum(_peak(values, mask) - settings.top_db)


def normalise(values: Tensor, mask: Tensor) -> Tensor:
    """Each band of each row to mean 0 and deviation 1 over its valid frames; nearly constant bands to mean 0.

    Args: values [B, frames, bands]; mask [B, frames, 1], true where a frame is valid.
    """
    count = mask.sum(dim=1, keepdim=True)
    mean = torch.where(mask, values, 0.0).sum(dim=1, keepdim=True) / count
    centred = torch.where(mask, values - mean, 0.0)
    deviation = (centred.square().sum(dim=1, keepdim=True) / count).sqrt()
    return centred / deviation.clamp(min=MIN_DEVIATION)


def _before(ends: Tensor, values: Tensor) -> Tensor:
    """[B, time], true where a place of `values` [B, time, ...] lies before its row's end."""
    return torch.arange(values.shape[1], device=values.device) < ends.unsqueeze(1)


def _peak(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, -torch.inf).amax(dim=(1, 2), keepdim=True)


def band_centres(count: int, low: float, high: float, scale: str) -> tuple[float, ...]:
    """Hz at which `count` triangles between `low` and `high` peak."""
    # Private, but of a pinned version; librosa's own would cost its import. A test compares with them.
    functional = torchaudio_module("functional.functional")
    lowest, highest = (functional._hz_to_mel(frequency, scale) for frequency in (low, high))
    mels = torch.linspace(lowest, highest, count + 2, dtype=torch.float64)
    return tuple(round(f, 4) for f in functional._mel_to_hz(mels[1:-1], scale).tolist())


def _bank(settings: MelSettings) -> Tensor:
    """Weights [1 + n_fft // 2, n_mels]."""
    import warnings

    with warnings.catch_warnings():
        # More bands than bins of the transform: some stay empty, and only their floor remains.
        warnings.filterwarnings("ignore", "At least one mel filterbank has all zero values")
        bank: Tensor = torchaudio_module("functional").melscale_fbanks(
            settings.size // 2 + 1,
            settings.f_min,
            settings.highest,
            settings.n_mels,
            settings.rate,
            None if settings.norm == "none" else settings.norm,
            settings.mel_scale,
        )
    return bank


KINDS = {
    "spectrogram": Kind(SpectrogramSettings, Spectrogram, "Spectrogram", "power"),
    "mel": Kind(MelSettings, MelSpectrogram, "Mel bands", "power"),
    "log_mel": Kind(LogMelSettings, LogMelSpectrogram, "Log-mel bands", "ln power"),
}
