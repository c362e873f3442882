"""What is wrong with a recording though it can be read: clipping and telephone bandwidth. Measured while it
streams by.

Conventions. Full scale is 1.0. Both meters are fed consecutive pieces of one recording at its own rate, and
hold a few numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import AudioWarning

NARROW_RATE = 12000  # Hz; recordings below it hold no speech above 6 kHz
_CLIPPED_FRACTION = 0.001
# The largest code of a coarse format lies visibly below 1.0.
_FULL_SCALE = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128, "ULAW": 32124 / 32768, "ALAW": 32256 / 32768}


class Clipping:
    """Fraction of the samples that lie at full scale like the two before them.

    Loud but sound peaks touch full scale for one or two samples in a row; clipped ones stay there.
    """

    def __init__(self, subtype: str = "") -> None:
        """`subtype` is libsndfile's name of the sample format, as in "PCM_U8"."""
        self._threshold = np.float32(_FULL_SCALE.get(subtype, 0.9999))
        self._tail: NDArray[np.bool_] | None = None
        self._clipped = 0
        self._samples = 0

    def add(self, piece: NDArray[np.float32]) -> None:
        """Measure `piece` [time, channels]."""
        full = np.abs(piece) >= self._threshold
        full = full if self._tail is None else np.concatenate([self._tail, full])
        self._clipped += int((full[2:] & full[1:-1] & full[:-2]).sum())
        self._samples += piece.size
        self._tail = full[-2:]

    @property
    def fraction(self) -> float:
        """Clipped samples per sample, in [0, 1]."""
        return self._clipped / max(self._samples, 1)

    def warning(self) -> AudioWarning | None:
        """Not None if the recording is clipped (at least 0.1 % of it)."""
        if self.fraction < _CLIPPED_FRACTION:
            return None
        share = f"{self.fraction:.1%}"
        return AudioWarning(
            "clipped", f"clipped: {share} of the samples sit at full scale; record it at a lower level."
        )


class Bandwidth:
    """Power density above 4.5 kHz against that of the telephone band (100 to 3400 Hz), over the whole
    recording.

    Speech recorded at 16 kHz or more lies between -40 and -5 dB; what passed through an 8 kHz channel and was
    upsampled lies below -60 dB, or at about -60 dB where a lossy codec has put its noise there. The line is
    drawn at -50 dB. Only a recording with power between 2 and 3.4 kHz is judged, so that silence and pure
    tones are not called narrow.
    """

    _LIMIT = 10**-5.0
    _PRESENT = 10**-4.5
    _AUDIBLE = 10**-9.0  # of full-scale white noise: -90 dB
    _MIN_SECONDS = 0.5

    def __init__(self, rate: int) -> None:
        """`rate` is the recording's own, in Hz."""
        self._rate = rate
        self._length = rate // 32  # frames of 31 ms: bins of 32 Hz at every rate
        self._window = np.hanning(self._length).astype(np.float32)
        self._power = np.zeros(self._length // 2 + 1)
        self._frames = 0

    def add(self, piece: NDArray[np.float32]) -> None:
        """Measure `piece` [time]; every second frame of it is looked at, which is plenty."""
        if self._rate < NARROW_RATE:
            return
        frames = piece[: len(piece) // self._length * self._length].reshape(-1, self._length)[::2]
        spectrum = np.fft.rfft(frames * self._window)
        self._power += (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
        self._frames += 2 * len(frames)

    def _density(self, low: float, high: float) -> float:
        bins = slice(int(low * self._length / self._rate), int(high * self._length / self._rate) + 1)
        return float(self._power[bins].mean())

    def warning(self) -> AudioWarning | None:
        """Not None if the recording is narrow-band."""
        if self._rate < NARROW_RATE:
            return AudioWarning(
                "narrow",
                f"narrow band: sampled at {self._rate} Hz; recognition is best from 16000 Hz up.",
            )
        if self._frames < self._MIN_SECONDS * 32:
            return None
        telephone, middle = self._density(100, 3400), self._density(2000, 3400)
        high = self._density(4500, min(7500, 0.45 * self._rate))
        audible = self._AUDIBLE * float((self._window**2).sum()) * self._frames / 2
        if middle <= max(self._PRESENT * telephone, audible) or high >= self._LIMIT * telephone:
            return None
        return AudioWarning(
            "narrow",
            f"narrow band: next to nothing lies above 4 kHz although it is sampled at {self._rate} Hz "
            "(a telephone recording?); recognition suffers.",
        )
