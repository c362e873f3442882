"""Fundamental frequency and how sure it is that there is one, frame by frame.

pyin is librosa's (Mauch and Dixon 2014): a path through candidates of the whole recording. nccf takes each frame
by itself, some hundred times faster: the autocorrelation of the windowed frame divided by that of its window, and
in it the highest peak, octaves up at a small price (Boersma 1993, equations 9 and 24 to 26).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from speechgru.errors import ConfigError
from speechgru.features.base import Kind, Transform
from speechgru.features.framing import Framing
from speechgru.utils.dependencies import load

_OCTAVE_COST = 0.01  # per octave below f_max, as in Praat


@dataclass(frozen=True)
class PitchSettings:
    """Rate in Hz, window and hop in seconds, pitch sought from f_min to f_max Hz."""

    rate: int = 16000
    window: float = 0.064
    hop: float = 0.010
    f_min: float = 60.0
    f_max: float = 1000.0
    method: Literal["nccf", "pyin"] = "nccf"
    threshold: float = 0.5
    """With nccf: a frame is voiced where its periodicity reaches this."""
    silence: float = -60.0
    """With nccf: mean square, in dB of full scale, below which nothing is voiced."""

    def __post_init__(self) -> None:
        if self.rate < 4000 or not 1 / self.rate <= self.hop <= self.window <= 1:
            raise ConfigError(
                f"Expected rate ≥ 4000 Hz and one sample ≤ hop ≤ window ≤ 1 s; got {self.rate}, {self.hop} and "
                f"{self.window}."
            )
        if not 0 < self.f_min < self.f_max <= self.rate / 4:
            raise ConfigError(
                f"Expected 0 < f_min < f_max ≤ rate / 4 = {self.rate / 4:g} Hz; got {self.f_min:g}, {self.f_max:g}."
            )
        if self.window * self.f_min < 3:
            raise ConfigError(
                f"A window of {self.window} s holds fewer than three periods of f_min={self.f_min:g} Hz; expected "
                f"window ≥ {3 / self.f_min:.4f}. Lengthen the window or raise f_min."
            )
        if not 0 < self.threshold < 1 or not -120 <= self.silence <= 0:
            raise ConfigError(
                f"Expected 0 < threshold < 1 and silence in -120..0 dB; got {self.threshold}, {self.silence}."
            )

    @property
    def size(self) -> int:
        """Samples of a window, even."""
        return 2 * round(self.window * self.rate / 2)


class Pitch(Transform):
    """[B, frames, 2]: F0 in Hz (0 where there is none), and in [0, 1] how voiced the frame is."""

    bins = ("f0", "voicing")
    window: Tensor
    correlation: Tensor

    def __init__(self, settings: PitchSettings = PitchSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.rate, self.shortest = settings.rate, settings.size
        hop = round(settings.hop * settings.rate)
        self.framing = Framing.centred(self.rate, settings.size, hop, settings.size)
        if settings.method == "pyin":
            self.whole = (
                "method='pyin' finds the best path through the whole recording (nccf goes frame by frame)"
            )
        window = torch.hann_window(settings.size)
        self.register_buffer("window", window, persistent=False)
        correlation = self._autocorrelation(window)
        self.register_buffer("correlation", correlation / correlation[:1], persistent=False)

    def rows(self, signal: Tensor) -> Tensor:
        if self.settings.method == "nccf":
            return self._nccf(signal)
        rows = [self._pyin(row) for row in signal.detach().cpu().numpy()]
        return torch.from_numpy(np.stack(rows)).to(signal.device)

    def _pyin(self, signal: Any) -> Any:
        librosa = load("librosa")

        s = self.settings
        f0, _, probability = librosa.pyin(
            signal,
            fmin=s.f_min,
            fmax=s.f_max,
            sr=s.rate,
            frame_length=s.size,
            hop_length=self.framing.hop if self.framing else None,
            fill_na=0.0,
        )
        return np.stack([f0, probability], axis=1).astype(np.float32)

    def _nccf(self, signal: Tensor) -> Tensor:
        s = self.settings
        assert self.framing is not None
        padded = F.pad(signal, (s.size // 2, s.size // 2))
        frames = padded.unfold(1, s.size, self.framing.hop)
        frames = (frames - frames.mean(dim=2, keepdim=True)) * self.window
        correlation = self._autocorrelation(frames)
        power = correlation[..., :1]
        silent = 10 ** (s.silence / 10) * self.window.square().sum()
        loud = power > silent
        normal = correlation / power.clamp(min=1e-20) / self.correlation
        lag, height = _highest_peak(normal, s.rate / s.f_max, s.rate / s.f_min)
        voicing = torch.where(loud[..., 0], height.clamp(0, 1), 0.0)
        return torch.stack([torch.where(voicing >= s.threshold, s.rate / lag, 0.0), voicing], dim=2)

    def _autocorrelation(self, frames: Tensor) -> Tensor:
        """[..., lags] of frames [..., size], up to one lag beyond f_min's period."""
        lags = int(self.settings.rate / self.settings.f_min) + 3
        size = 1 << (self.settings.size + lags - 1).bit_length()
        spectrum = torch.fft.rfft(frames, size)
        products: Tensor = torch.fft.irfft(spectrum.real.square() + spectrum.imag.square(), size)[..., :lags]
        return products


def _highest_peak(correlation: Tensor, shortest: float, longest: float) -> tuple[Tensor, Tensor]:
    """Lag in samples (between the grid's points) and height of the best peak of [..., lags]; height 0: none."""
    first, last = max(1, int(shortest)), int(longest) + 1
    left, middle, right = (correlation[..., first + d : last + 1 + d] for d in (-1, 0, 1))
    is_peak = (middle > left) & (middle >= right)
    lags = torch.arange(first, last + 1, device=correlation.device, dtype=correlation.dtype)
    cost = _OCTAVE_COST * torch.log2(lags / shortest)
    best = torch.where(is_peak, middle - cost, -torch.inf).argmax(dim=-1, keepdim=True)
    a, b, c = (x.gather(-1, best)[..., 0] for x in (left, middle, right))
    has_peak = is_peak.gather(-1, best)[..., 0]
    # A parabola through the three; its curvature is below zero at a peak.
    curve = torch.where(has_peak, a - 2 * b + c, -1.0)
    shift = (0.5 * (a - c) / curve).clamp(-0.5, 0.5)
    height = torch.where(has_peak, b - 0.25 * (a - c) * shift, 0.0)
    return lags[best[..., 0]] + shift, height


KINDS = {"pitch": Kind(PitchSettings, Pitch, "Pitch", "Hz, and voicing in [0, 1]")}
