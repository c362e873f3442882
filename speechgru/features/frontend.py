"""Log-mel bands as models hear them. The transform is torchaudio's; what is fixed here are the conventions.

Frames: Hann window, hop by hop, frame t centred at sample t * hop, zeros beyond both ends; 1 + time // hop frames.
Bands: triangular on the HTK mel scale, power spectrum, unnormalised. Log: natural, of power + floor.
Trained models depend on every number; other conventions, and the function `log_mel`, are in stft and functions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgru.features.framing import Framing
from speechgru.features.settings import FrontendSettings
from speechgru.utils.dependencies import torchaudio_module

Settings = FrontendSettings
_DEFAULT = FrontendSettings()
# A band that hardly varies holds no speech (a telephone's upper half); scaling it to unit variance would only
# lift codec noise. Natural-log mel bands of speech vary by about 2.
MIN_DEVIATION = 1.0


class LogMel(nn.Module):
    """Log-mel features of a signal or a padded batch; padding reaches no valid frame."""

    def __init__(self, settings: FrontendSettings = _DEFAULT) -> None:
        super().__init__()
        self.settings = settings
        self.transform = _mel_spectrogram(settings)
        # For `Streaming`.
        self.framing = Framing.centred(settings.sample_rate, _n_fft(settings), settings.hop_length)
        needs_all = "normalise='utterance' needs the mean of the whole recording"
        self.whole = needs_all if settings.normalise == "utterance" else None

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

    def compute(self, signal: Tensor) -> Tensor:
        """Features [B, frames, n_mels] of signals [B, time] that are all of this length."""
        values: Tensor = self(signal)[0]
        return values


def normalise(features: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
    """Each band of each row to mean 0 and deviation 1 over its valid frames; nearly constant bands to mean 0.

    Args: features [B, frames, bands]; frames [B]; mask [B, frames, 1], true where a frame is valid.
    """
    count = frames.view(-1, 1, 1)
    mean = torch.where(mask, features, 0.0).sum(dim=1, keepdim=True) / count
    centred = torch.where(mask, features - mean, 0.0)
    deviation = (centred.square().sum(dim=1, keepdim=True) / count).sqrt()
    return centred / deviation.clamp(min=MIN_DEVIATION)


def _mel_spectrogram(settings: Settings) -> nn.Module:
    mel_spectrogram: nn.Module = torchaudio_module("transforms").MelSpectrogram(
        settings.sample_rate,
        n_fft=_n_fft(settings),
        win_length=round(settings.window * settings.sample_rate),
        hop_length=settings.hop_length,
        f_min=settings.f_min,
        f_max=settings.f_max,
        n_mels=settings.n_mels,
        pad_mode="constant",
    )
    return mel_spectrogram


def _n_fft(settings: Settings) -> int:
    """The window's samples, up to the next power of two."""
    return 1 << (round(settings.window * settings.sample_rate) - 1).bit_length()
