"""Loudness and the shape of the spectrum, one or a few numbers a frame: librosa's, in its conventions.

Frames of `n_fft` samples centred at t · hop_length with zeros beyond both ends (zero_crossings: the edge
samples), 1 + time // hop_length of them; periodic Hann window; magnitudes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import ConfigError
from speechgru.features.base import ArrayTransform, Kind
from speechgru.features.framing import Framing
from speechgru.utils.dependencies import load


@dataclass(frozen=True)
class FrameSettings:
    """Rate in Hz, window (n_fft) and hop_length in samples."""

    rate: int = 22050
    n_fft: int = 2048
    hop_length: int = 512

    def __post_init__(self) -> None:
        if self.rate < 4000 or self.n_fft < 2 or self.n_fft % 2 or not 1 <= self.hop_length <= self.n_fft:
            raise ConfigError(
                "Expected rate ≥ 4000 Hz, an even n_fft and 1 ≤ hop_length ≤ n_fft; got "
                f"{self.rate}, {self.n_fft}, {self.hop_length}."
            )


@dataclass(frozen=True)
class EnergySettings(FrameSettings):
    """db: 20 log10 of at least 1e-5 (-100 dB) in the place of the amplitude."""

    db: bool = False


@dataclass(frozen=True)
class RolloffSettings(FrameSettings):
    """fraction: of the magnitudes' sum that lies below."""

    fraction: float = 0.85

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.fraction < 1:
            raise ConfigError(f"Expected 0 < fraction < 1; got {self.fraction}.")


@dataclass(frozen=True)
class ContrastSettings(FrameSettings):
    """n_bands octaves from f_min Hz up, and what is below; linear: the difference of magnitudes, not of decibels."""

    f_min: float = 200.0
    n_bands: int = 6
    linear: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        highest = self.f_min * 2 ** (self.n_bands - 1)
        if self.n_bands < 1 or self.f_min <= 0 or highest >= self.rate / 2:
            raise ConfigError(
                f"{self.n_bands} octave bands from {self.f_min:g} Hz begin as high as {highest:g} Hz; expected below "
                f"rate / 2 = {self.rate / 2:g} Hz. Take fewer bands or a higher rate."
            )


def framing(settings: FrameSettings) -> Framing:
    """As wide again as the window, for librosa warns of a piece of sound that is shorter than one."""
    return Framing.centred(settings.rate, 2 * settings.n_fft, settings.hop_length, settings.n_fft)


class _Frames(ArrayTransform):
    def __init__(self, settings: FrameSettings = FrameSettings()) -> None:
        super().__init__()
        self.settings: Any = settings
        self.rate = settings.rate
        self.shortest = settings.n_fft
        self.framing = framing(settings)

    @property
    def spectral(self) -> dict[str, Any]:
        """Arguments that librosa's spectral functions share."""
        return {"sr": self.rate, "n_fft": self.settings.n_fft, "hop_length": self.settings.hop_length}


class Energy(_Frames):
    """Root mean square of each frame: [B, frames, 1]."""

    def __init__(self, settings: EnergySettings = EnergySettings()) -> None:
        super().__init__(settings)
        self.bins = ("rms dB",) if settings.db else ("rms",)

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        rms = load("librosa.feature").rms
        s = self.settings
        values: NDArray[Any] = rms(y=signal, frame_length=s.n_fft, hop_length=s.hop_length).T
        return 20 * np.log10(np.maximum(values, 1e-5)) if s.db else values


class ZeroCrossings(_Frames):
    """Changes of sign per sample: [B, frames, 1], in [0, 1]."""

    bins = ("crossings",)

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        zero_crossing_rate = load("librosa.feature").zero_crossing_rate
        s = self.settings
        rates: NDArray[Any] = zero_crossing_rate(signal, frame_length=s.n_fft, hop_length=s.hop_length).T
        return rates


class _Spectral(_Frames):
    """A function of librosa's spectral features, by its name there."""

    function = ""

    def options(self) -> dict[str, Any]:
        """Arguments of that function alone."""
        return {}

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        compute = getattr(load("librosa.feature"), self.function)
        values: NDArray[Any] = compute(y=signal, **self.options(), **self.spectral).T
        return values


class Centroid(_Spectral):
    """Mean frequency of the magnitudes: [B, frames, 1], Hz; 0 in silence."""

    bins = ("centroid",)
    function = "spectral_centroid"


class Bandwidth(_Spectral):
    """Deviation of the frequency around the centroid: [B, frames, 1], Hz; 0 in silence."""

    bins = ("bandwidth",)
    function = "spectral_bandwidth"


class Rolloff(_Spectral):
    """Frequency below which `fraction` of the magnitudes lie: [B, frames, 1], Hz."""

    bins = ("rolloff",)
    function = "spectral_rolloff"

    def __init__(self, settings: RolloffSettings = RolloffSettings()) -> None:
        super().__init__(settings)

    def options(self) -> dict[str, Any]:
        return {"roll_percent": self.settings.fraction}


class Contrast(_Spectral):
    """Peaks against valleys in each octave band: [B, frames, 1 + n_bands], dB. Jiang et al. 2002."""

    function = "spectral_contrast"

    def __init__(self, settings: ContrastSettings = ContrastSettings()) -> None:
        super().__init__(settings)
        edges = [0.0, *(settings.f_min * 2.0**n for n in range(settings.n_bands)), settings.rate / 2]
        self.bins = tuple(f"{low:g}-{high:g} Hz" for low, high in pairwise(edges))
        if not settings.linear:
            self.whole = "decibels are cut 80 dB below the recording's loudest (linear=True is free of that)"

    def options(self) -> dict[str, Any]:
        s = self.settings
        return {"fmin": s.f_min, "n_bands": s.n_bands, "linear": s.linear}


KINDS = {
    "bandwidth": Kind(FrameSettings, Bandwidth, "Spectral bandwidth", "Hz"),
    "centroid": Kind(FrameSettings, Centroid, "Spectral centroid", "Hz"),
    "contrast": Kind(ContrastSettings, Contrast, "Spectral contrast", "dB"),
    "energy": Kind(EnergySettings, Energy, "Energy", "amplitude (full scale 1)"),
    "rolloff": Kind(RolloffSettings, Rolloff, "Spectral rolloff", "Hz"),
    "zero_crossings": Kind(FrameSettings, ZeroCrossings, "Zero crossings", "per sample"),
}
