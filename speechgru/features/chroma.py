"""Pitch classes, constant-Q spectrum, harmonic and percussive parts: librosa's, in its conventions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.errors import ConfigError
from speechgru.features import sources
from speechgru.features.base import ArrayTransform, Kind
from speechgru.features.framing import Framing
from speechgru.features.spectral_shape import FrameSettings, framing
from speechgru.utils.dependencies import load

NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


@dataclass(frozen=True)
class ChromaSettings(FrameSettings):
    """tuning: of the instrument, in semitones from A4 = 440 Hz; null: estimated from the recording."""

    tuning: float | None = None


@dataclass(frozen=True)
class CQTSettings:
    """n_bins from f_min Hz up, bins_per_octave to each octave; hop_length in samples."""

    rate: int = 22050
    hop_length: int = 512
    f_min: float = 32.703195662574764
    """C1."""
    n_bins: int = 84
    bins_per_octave: int = 12
    tuning: float | None = 0.0
    """In bins; null: estimated from the recording."""

    def __post_init__(self) -> None:
        if self.rate < 4000 or min(self.hop_length, self.n_bins, self.bins_per_octave) < 1 or self.f_min <= 0:
            raise ConfigError(
                "Expected rate ≥ 4000 Hz, hop_length, n_bins and bins_per_octave ≥ 1, f_min > 0; got "
                f"{self.rate}, {self.hop_length}, {self.n_bins}, {self.bins_per_octave}, {self.f_min}."
            )
        highest = self.f_min * 2 ** ((self.n_bins - 1) / self.bins_per_octave)
        if highest * 2 ** (1 / self.bins_per_octave) > self.rate / 2:
            raise ConfigError(
                f"{self.n_bins} bins from {self.f_min:g} Hz reach {highest:g} Hz; expected below rate / 2 = "
                f"{self.rate / 2:g} Hz, with a bin to spare. Take fewer bins or a higher rate."
            )


@dataclass(frozen=True)
class PartSettings(FrameSettings):
    """kernel: frames (and bins) of the median; margin: how many times louder a part must be to be given."""

    kernel: int = 31
    margin: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel < 1 or self.kernel % 2 == 0 or self.margin < 1:
            raise ConfigError(f"Expected an odd kernel ≥ 1 and margin ≥ 1; got {self.kernel}, {self.margin}.")


class Chroma(ArrayTransform):
    """Strength of the 12 pitch classes, the strongest of a frame 1: [B, frames, 12]."""

    bins = NOTES

    def __init__(self, settings: ChromaSettings = ChromaSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.rate, self.shortest = settings.rate, settings.n_fft
        self.framing = framing(settings)
        if settings.tuning is None:
            self.whole = "tuning=null is estimated from the whole recording (give tuning=0.0)"

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        chroma_stft = load("librosa.feature").chroma_stft
        s = self.settings
        if not signal.any():
            return np.zeros((1 + len(signal) // s.hop_length, 12))  # silence has no tuning to estimate
        values: NDArray[Any] = chroma_stft(
            y=signal, sr=s.rate, n_fft=s.n_fft, hop_length=s.hop_length, tuning=s.tuning
        ).T
        return values


class CQT(ArrayTransform):
    """Magnitudes of the constant-Q transform: [B, frames, n_bins]. Schörkhuber and Klapuri 2010."""

    whole = "its lowest filters are seconds long and its signal is halved in rate again and again"

    def __init__(self, settings: CQTSettings = CQTSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.rate = settings.rate
        ratio = 2 ** (1 / settings.bins_per_octave)
        self.shortest = math.ceil(settings.rate / settings.f_min / (ratio - 1))  # the lowest bin's filter
        self.framing = Framing.centred(self.rate, self.shortest, settings.hop_length, self.shortest)
        self.bins = tuple(round(settings.f_min * ratio**n, 4) for n in range(settings.n_bins))

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        librosa = load("librosa")

        s = self.settings
        values = librosa.cqt(
            signal,
            sr=s.rate,
            hop_length=s.hop_length,
            fmin=s.f_min,
            n_bins=s.n_bins,
            bins_per_octave=s.bins_per_octave,
            tuning=s.tuning,
        )
        magnitudes: NDArray[Any] = np.abs(values).T
        return magnitudes


class _Part(ArrayTransform):
    which: int

    def __init__(self, settings: PartSettings = PartSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.rate, self.shortest = settings.rate, settings.n_fft
        self.framing = framing(settings).widened(settings.kernel // 2, settings.kernel // 2)
        self.bins = tuple(k * settings.rate / settings.n_fft for k in range(settings.n_fft // 2 + 1))

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        values: NDArray[Any] = np.abs(_parts(signal, self.settings)[self.which]).T
        return values


class Harmonic(_Part):
    """Magnitudes of sustained sound: [B, frames, 1 + n_fft // 2]. Median filter over time, Fitzgerald 2010."""

    which = 0


class Percussive(_Part):
    """Magnitudes of strokes: [B, frames, 1 + n_fft // 2]. Median filter over frequency, Fitzgerald 2010."""

    which = 1


def separate(source: Any, sample_rate: int | None = None, **settings: Any) -> tuple[Tensor, Tensor]:
    """The harmonic and the percussive part of a recording as sound: two signals [time] at the setting `rate`.

    With margin=1 they add up to the recording. Arguments as for `extract(source, "harmonic")`.
    """
    librosa = load("librosa")

    from speechgru.utils import schema

    chosen = schema.build(PartSettings, settings, "separate")
    signal = sources.signal(source, sample_rate, chosen.rate)
    made = (
        librosa.istft(part, hop_length=chosen.hop_length, n_fft=chosen.n_fft, length=len(signal))
        for part in _parts(signal.cpu().numpy(), chosen)
    )
    harmonic, percussive = (torch.from_numpy(np.asarray(part, np.float32)).to(signal.device) for part in made)
    return harmonic, percussive


def _parts(signal: NDArray[np.float32], s: PartSettings) -> tuple[NDArray[Any], NDArray[Any]]:
    """Spectra [bins, frames] of the harmonic and the percussive part."""
    librosa = load("librosa")

    spectrum = librosa.stft(signal, n_fft=s.n_fft, hop_length=s.hop_length)
    harmonic, percussive = librosa.decompose.hpss(spectrum, kernel_size=s.kernel, margin=s.margin)
    return harmonic, percussive


KINDS = {
    "chroma": Kind(ChromaSettings, Chroma, "Chroma", "of the frame's strongest"),
    "cqt": Kind(CQTSettings, CQT, "Constant-Q transform", "amplitude"),
    "harmonic": Kind(PartSettings, Harmonic, "Harmonic part", "amplitude"),
    "percussive": Kind(PartSettings, Percussive, "Percussive part", "amplitude"),
}
