"""Loudness and peaks of a recording, measured while it streams by.

Loudness: ITU-R BS.1770-4 (EBU R 128), in LUFS: K-weighting, mean squares of 400 ms every 100 ms, gates at -70 LUFS
and 10 LU below the mean of what passes that. The filters are pyloudnorm's; its own meter takes whole arrays, an hour
of stereo at 44.1 kHz in 5 GB, so the gating stands here (tests compare both). True peak: BS.1770-4 annex 2, the
largest sample after oversampling four times. Full scale is 1.0: 0 dB.

How loud each 10 ms of a recording is: what silence at its ends, and its share of silence, are told by.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from speechgru.audio.stream import Block
from speechgru.utils.dependencies import load

FRAME_SECONDS = 0.01
LOWEST_DB = -200.0  # the level given to digital zero
THRESHOLD_DB = 40.0  # below the loudest frame: sox's `silence` is mostly used with 1 %, which is this
SHORTEST = 0.4  # seconds: one gating block
LOWEST_RATE = 4000  # Hz: the shelf of the K-weighting lies at 1.7 kHz
MAX_CHANNELS = 5  # left, right, centre, left and right surround
_SURROUND = 1.41
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0  # LUFS, LU
_OVERSAMPLING = 4


def decibels(amplitude: float) -> float:
    """20 log10 of an amplitude; -inf for 0."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def amplitude(decibels: float) -> float:
    """The reverse of `decibels`."""
    factor: float = 10.0 ** (decibels / 20)
    return factor


class Loudness:
    """Integrated loudness of consecutive blocks [time, channels] of one recording."""

    def __init__(self, rate: int, channels: int) -> None:
        """`rate` from LOWEST_RATE Hz up, 1 to MAX_CHANNELS channels in the order of BS.1770."""
        pyloudnorm = load("pyloudnorm")

        # The class whose coefficients are those of the standard; pyloudnorm's default is near them (0.1 dB).
        stages = pyloudnorm.Meter(rate, filter_class="DeMan")._filters.values()
        self._stages: list[tuple[Any, Any]] = [(stage.b, stage.a) for stage in stages]
        self._states = [np.zeros((2, channels)) for _ in self._stages]
        self._step = rate / 10
        self._weights = np.array([1.0, 1.0, 1.0, _SURROUND, _SURROUND][:channels])
        self._squares: list[NDArray[np.float64]] = []  # sum over each 100 ms: [channels]
        self._held = np.zeros((0, channels))

    def add(self, block: Block) -> None:
        """Measure `block` [time, channels]."""
        from scipy.signal import lfilter

        weighted = block.astype(np.float64)
        for i, (b, a) in enumerate(self._stages):
            weighted, self._states[i] = lfilter(b, a, weighted, axis=0, zi=self._states[i])
        self._held = np.concatenate([self._held, weighted])
        done = 0
        # Steps end where the exact times do, also at rates that ten doesn't divide.
        while (end := self._edge(len(self._squares) + 1) - self._edge(len(self._squares)) + done) <= len(
            self._held
        ):
            self._squares.append(np.square(self._held[done:end]).sum(axis=0))
            done = end
        self._held = self._held[done:]

    def _edge(self, step: int) -> int:
        return int(step * self._step)

    @property
    def integrated(self) -> float | None:
        """LUFS; -inf where all lies below -70 LUFS, None for less than 400 ms."""
        if len(self._squares) < 4:
            return None
        steps = np.array(self._squares)
        power = (steps[:-3] + steps[1:-2] + steps[2:-1] + steps[3:]) / (4 * self._step) @ self._weights
        loud = power[_lufs(power) >= _ABSOLUTE_GATE]
        if not len(loud):
            return -math.inf
        gate = float(_lufs(loud.mean())) + _RELATIVE_GATE
        return float(_lufs(loud[_lufs(loud) > gate].mean()))


def _lufs(power: Any) -> Any:
    with np.errstate(divide="ignore"):
        return -0.691 + 10 * np.log10(power)


class TruePeak:
    """Largest absolute value of the signal between and at its samples: [time, channels] in blocks."""

    def __init__(self, rate: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(
            rate, _OVERSAMPLING * rate, channels, dtype="float32", quality="HQ"
        )
        self._channels = channels
        self._peak = 0.0

    def add(self, block: Block) -> None:
        """Measure `block`."""
        self._take(block, last=False)

    def finish(self) -> float:
        """The peak of all, 1.0 at full scale; nothing can be added after it."""
        self._take(np.zeros((0, self._channels), np.float32), last=True)
        return self._peak

    def _take(self, block: Block, last: bool) -> None:
        # A sample itself can be larger than what the filter makes of it.
        for values in (block, self._stream.resample_chunk(block, last=last)):
            self._peak = max(self._peak, float(np.abs(values).max(initial=0.0)))


class FrameLevels:
    """Mean power of the loudest channel in each frame, in dB of full scale; fed consecutive blocks."""

    def __init__(self, rate: int) -> None:
        self.size = max(round(FRAME_SECONDS * rate), 1)  # samples of a frame
        self._held: Block | None = None
        self._powers: list[NDArray[np.float64]] = []

    def add(self, block: Block) -> None:
        """Measure `block` [time, channels]."""
        held = block if self._held is None else np.concatenate([self._held, block])
        whole = len(held) // self.size * self.size
        self._powers.append(self._power(held[:whole]))
        self._held = held[whole:]

    def finish(self) -> NDArray[np.float64]:
        """The levels [frames]; what is left of a last frame counts as one, by the samples there are."""
        rest = self._held
        if rest is not None and len(rest):
            power = np.square(rest, dtype=np.float64).mean(axis=0).max()
            self._powers.append(np.array([power]))
            self._held = rest[:0]
        power = np.concatenate([np.zeros(0), *self._powers])
        levels: NDArray[np.float64] = 10 * np.log10(power + 10 ** (LOWEST_DB / 10))
        return levels

    def _power(self, block: Block) -> NDArray[np.float64]:
        frames = block.reshape(-1, self.size, block.shape[1])
        powers: NDArray[np.float64] = np.square(frames, dtype=np.float64).mean(axis=1).max(axis=1)
        return powers
