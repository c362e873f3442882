"""Onsets, tempo and beats: librosa's, in its conventions.

`onset_strength` and `tempogram` have frames; `onsets`, `beats` and `tempo` are events: one row each, none
where there are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import ConfigError
from speechgru.features.base import ArrayTransform, Kind
from speechgru.features.framing import Framing
from speechgru.utils.dependencies import load

_SIZE = 2048  # samples of the spectra under librosa's onset strength


@dataclass(frozen=True)
class RhythmSettings:
    """Rate in Hz, hop_length in samples."""

    rate: int = 22050
    hop_length: int = 512

    def __post_init__(self) -> None:
        if self.rate < 4000 or not 1 <= self.hop_length <= _SIZE:
            raise ConfigError(
                f"Expected rate ≥ 4000 Hz and hop_length in 1..{_SIZE}; got {self.rate}, {self.hop_length}."
            )


@dataclass(frozen=True)
class TempogramSettings(RhythmSettings):
    """width: frames of the local autocorrelation, and lags."""

    width: int = 384

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 2:
            raise ConfigError(f"Expected width ≥ 2 frames; got {self.width}.")


@dataclass(frozen=True)
class TempoSettings(RhythmSettings):
    """start_bpm: where the guess begins, beats per minute."""

    start_bpm: float = 120.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.start_bpm > 0:
            raise ConfigError(f"Expected start_bpm > 0; got {self.start_bpm}.")


@dataclass(frozen=True)
class BeatSettings(TempoSettings):
    """tightness: how closely beats keep to the tempo."""

    tightness: float = 100.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.tightness > 0:
            raise ConfigError(f"Expected tightness > 0; got {self.tightness}.")


class _Rhythm(ArrayTransform):
    whole = "onsets are measured from the recording's loudest frame"
    shortest = _SIZE

    def __init__(self, settings: RhythmSettings = RhythmSettings()) -> None:
        super().__init__()
        self.settings: Any = settings
        self.rate = settings.rate
        self.framing = Framing.centred(self.rate, _SIZE, settings.hop_length, _SIZE)

    @property
    def times(self) -> dict[str, Any]:
        """Arguments that librosa's functions share."""
        return {"sr": self.rate, "hop_length": self.settings.hop_length}


class _Events(_Rhythm):
    def __init__(self, settings: RhythmSettings = RhythmSettings()) -> None:
        super().__init__(settings)
        self.framing = None


class OnsetStrength(_Rhythm):
    """Rise of the mel bands from frame to frame, in decibels, averaged: [B, frames, 1]. Böck and Widmer 2013."""

    bins = ("strength",)

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        onset_strength = load("librosa.onset").onset_strength
        strength: NDArray[Any] = onset_strength(y=signal, **self.times)
        return strength[:, None]


class Tempogram(_Rhythm):
    """Local autocorrelation of the onset strength: [B, frames, width]; bins are beats per minute. Grosche 2010."""

    def __init__(self, settings: TempogramSettings = TempogramSettings()) -> None:
        super().__init__(settings)
        per_minute = 60 * settings.rate / settings.hop_length
        # Lag 0 has no tempo; librosa calls it infinite, which JSON can't say.
        self.bins = (0.0, *(round(per_minute / lag, 4) for lag in range(1, settings.width)))

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        tempogram = load("librosa.feature").tempogram
        values: NDArray[Any] = tempogram(y=signal, win_length=self.settings.width, **self.times).T
        return values


class Tempo(_Events):
    """The recording's tempo: [B, 1, 1], beats per minute."""

    bins = ("bpm",)

    def __init__(self, settings: TempoSettings = TempoSettings()) -> None:
        super().__init__(settings)

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        tempo = load("librosa.feature").tempo
        bpm: NDArray[Any] = tempo(y=signal, start_bpm=self.settings.start_bpm, **self.times)
        return bpm.reshape(1, 1)


class Beats(_Events):
    """Times of the beats: [B, beats, 1], seconds. Ellis 2007."""

    bins = ("seconds",)

    def __init__(self, settings: BeatSettings = BeatSettings()) -> None:
        super().__init__(settings)

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        beat_track = load("librosa.beat").beat_track
        s = self.settings
        _, beats = beat_track(
            y=signal, start_bpm=s.start_bpm, tightness=s.tightness, units="time", **self.times
        )
        return np.asarray(beats).reshape(-1, 1)


class Onsets(_Events):
    """Times at which notes or strokes begin: [B, onsets, 1], seconds."""

    bins = ("seconds",)

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        onset_detect = load("librosa.onset").onset_detect
        return np.asarray(onset_detect(y=signal, units="time", **self.times)).reshape(-1, 1)


KINDS = {
    "beats": Kind(BeatSettings, Beats, "Beats", "seconds"),
    "onset_strength": Kind(RhythmSettings, OnsetStrength, "Onset strength", "dB"),
    "onsets": Kind(RhythmSettings, Onsets, "Onsets", "seconds"),
    "tempo": Kind(TempoSettings, Tempo, "Tempo", "beats per minute"),
    "tempogram": Kind(TempogramSettings, Tempogram, "Tempogram", "correlation"),
}
