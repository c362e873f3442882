"""Filter bank and MFCC as Kaldi's compute-fbank-feats and compute-mfcc-feats give them.

All of it is torchaudio.compliance.kaldi; the names of the settings and the defaults are set here. Defaults are
Kaldi's, with dither off: samples scaled to 16-bit integers, Povey window, pre-emphasis and mean removal in each
frame, frames within the signal only, bands that are triangles on the mel scale, natural log of power.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from speechgru.errors import ConfigError
from speechgru.features.base import Kind, Transform
from speechgru.features.framing import Framing
from speechgru.features.spectrogram import band_centres
from speechgru.utils.dependencies import torchaudio_module


@dataclass(frozen=True)
class KaldiFbankSettings:
    """Rate in Hz, window and hop in seconds, f_min and f_max in Hz."""

    rate: int = 16000
    window: float = 0.025
    hop: float = 0.010
    shape: Literal["povey", "hanning", "hamming", "rectangular", "blackman"] = "povey"
    preemphasis: float = 0.97
    remove_dc: bool = True
    """Subtract each frame's mean."""
    snip_edges: bool = True
    """Only frames within the signal; else frames centred at (t + 1/2) · hop, with the signal mirrored."""
    n_mels: int = 23
    f_min: float = 20.0
    f_max: float = 0.0
    """0: half the rate."""
    power: Literal[1, 2] = 2
    energy: bool = False
    """The log energy of each frame as a bin of its own: the first, or with htk_compat the last."""
    raw_energy: bool = True
    """Energy before pre-emphasis and window."""
    energy_floor: float = 0.0
    htk_compat: bool = False
    dither: float = 0.0
    """Deviation of added noise, in units of a 16-bit step; makes every run different."""
    full_scale: float = 32768.0
    """What a sample of 1.0 stands for: Kaldi reads 16-bit integers."""

    def __post_init__(self) -> None:
        if self.rate < 4000 or self.n_mels < 4 or not 1 / self.rate <= self.hop <= self.window <= 1:
            raise ConfigError(
                f"Expected rate ≥ 4000 Hz, n_mels ≥ 4, one sample ≤ hop ≤ window ≤ 1 s; got rate={self.rate}, "
                f"n_mels={self.n_mels}, hop={self.hop}, window={self.window}."
            )
        if not 0 <= self.f_min < self.highest <= self.rate / 2:
            raise ConfigError(
                f"Bands from f_min={self.f_min:g} to f_max={self.highest:g} Hz don't fit a rate of {self.rate} Hz: "
                f"expected 0 ≤ f_min < f_max ≤ {self.rate / 2:g}. Lower f_max or raise rate."
            )
        if not 0 <= self.preemphasis <= 1 or self.dither < 0 or self.energy_floor < 0 or self.full_scale <= 0:
            raise ConfigError(
                "Expected 0 ≤ preemphasis ≤ 1, dither ≥ 0, energy_floor ≥ 0, full_scale > 0; got "
                f"{self.preemphasis}, {self.dither}, {self.energy_floor}, {self.full_scale}."
            )

    @property
    def highest(self) -> float:
        """Upper edge of the last band, Hz."""
        return self.f_max or self.rate / 2


@dataclass(frozen=True)
class KaldiMFCCSettings(KaldiFbankSettings):
    """As Kaldi's: 13 coefficients, c0 replaced by the log energy, liftered by 22. Of power always."""

    energy: bool = True
    """The log energy in the place of c0."""
    n_mfcc: int = 13
    lifter: float = 22.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_mfcc <= self.n_mels:
            raise ConfigError(f"n_mfcc must lie in 1..n_mels ({self.n_mels}); got {self.n_mfcc}.")
        if self.power != 2:
            raise ConfigError(f"kaldi_mfcc is of power spectra; expected power=2, got {self.power}.")


class KaldiFbank(Transform):
    """Log filter bank [B, frames, n_mels], with energy n_mels + 1. Differentiable, on any device."""

    block_frames = 2048  # each call makes its window and bands anew

    def __init__(self, settings: KaldiFbankSettings = KaldiFbankSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.rate = settings.rate
        # Cut off, not rounded, as torchaudio does.
        size, hop = (int(settings.rate * (s * 1000) * 0.001) for s in (settings.window, settings.hop))
        if settings.snip_edges:
            self.framing = Framing.inside(self.rate, size, hop)
        else:
            left = size // 2 - hop // 2
            self.framing = Framing(self.rate, hop, left, size, size / 2 - left, hop // 2, size)
        self.shortest = size
        self.bins = self._bins()
        if settings.dither:
            self.whole = "dither draws other noise for every block"

    def _bins(self) -> Any:
        s = self.settings
        centres = band_centres(s.n_mels, s.f_min, s.highest, "htk")
        if not s.energy:
            return centres
        named = tuple(f"{f:.1f} Hz" for f in centres)
        return (*named, "log energy") if s.htk_compat else ("log energy", *named)

    def rows(self, signal: Tensor) -> Tensor:
        fbank = torchaudio_module("compliance.kaldi").fbank
        return torch.stack(
            [
                fbank(row[None], use_power=self.settings.power == 2, **self._given())
                for row in signal * self.settings.full_scale
            ]
        )

    def _given(self) -> dict[str, Any]:
        s = self.settings
        return {
            "sample_frequency": float(s.rate),
            "frame_length": s.window * 1000,
            "frame_shift": s.hop * 1000,
            "window_type": s.shape,
            "preemphasis_coefficient": s.preemphasis,
            "remove_dc_offset": s.remove_dc,
            "snip_edges": s.snip_edges,
            "num_mel_bins": s.n_mels,
            "low_freq": s.f_min,
            "high_freq": s.highest,
            "use_energy": s.energy,
            "raw_energy": s.raw_energy,
            "energy_floor": s.energy_floor,
            "htk_compat": s.htk_compat,
            "dither": s.dither,
        }


class KaldiMFCC(KaldiFbank):
    """[B, frames, n_mfcc]. Differentiable, on any device."""

    def __init__(self, settings: KaldiMFCCSettings = KaldiMFCCSettings()) -> None:
        super().__init__(settings)

    def _bins(self) -> Any:
        s: Any = self.settings
        cepstra = tuple(f"c{n}" for n in range(1, s.n_mfcc))
        first = "log energy" if s.energy else "c0"
        return (*cepstra, first) if s.htk_compat else (first, *cepstra)

    def rows(self, signal: Tensor) -> Tensor:
        mfcc = torchaudio_module("compliance.kaldi").mfcc
        s: Any = self.settings
        extra = {"num_ceps": s.n_mfcc, "cepstral_lifter": s.lifter}
        return torch.stack([mfcc(row[None], **extra, **self._given()) for row in signal * s.full_scale])


KINDS = {
    "kaldi_fbank": Kind(KaldiFbankSettings, KaldiFbank, "Kaldi's filter bank", "ln power"),
    "kaldi_mfcc": Kind(KaldiMFCCSettings, KaldiMFCC, "Kaldi's MFCC", "cepstrum"),
}
