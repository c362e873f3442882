"""Where a recording is loud and where it is quiet: levels, pauses, and whether it can hold speech at all.

Levels are in dB relative to full scale, of frames of 20 ms after pre-emphasis (y[t] = x[t] - 0.97 x[t-1]),
which removes offset and hum and makes the level of room noise steady, so that speech stands out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.segments import runs
from speechgru.transcript import Word

Signal = NDArray[np.float32]

FRAME_SECONDS = 0.02
PRE_EMPHASIS = 0.97
SILENCE_DB = -100.0  # the level given to digital zero
TOP_FRAMES = (
    5  # the top level is that of the fifth loudest frame: a click is shorter than 100 ms, a vowel longer
)
FLOOR_PERCENTILE = 10.0
PAUSE_SHARE = 0.3  # a frame is quiet below floor + PAUSE_SHARE * (top - floor)
PAUSE_MIN_RANGE_DB = 6.0  # with less between floor and top, dips are chance rather than pauses
PAUSE_SECONDS = 0.2
SHORTEST_SPAN_SECONDS = 0.3  # one short word; less would make a high rate of a single letter


@dataclass(frozen=True)
class Gate:
    """What a stretch of audio and the words found in it must reach; anything less is silence or noise.

    min_level_db: top level. Among 150 spoken digits the quietest has -62; dithered 16-bit silence about -95.
    min_range_db: top level above the floor, only asked of `range_seconds` or more. White, pink and brown
        noise have at most 2.2; speech with white noise 10 dB below it at least 2.7; clean speech over 15.
    min_confidence: of the words of one stretch, see `evidence`; for noise that isn't steady.
    rate_weight: what a letter a second adds to the evidence. What a network hears in noise is unsure, and
        sparse as well. How much of either depends on the network: tools/release/tune_gate.py finds both numbers.
    """

    min_level_db: float = -80.0
    min_range_db: float = 2.5
    range_seconds: float = 1.0
    min_confidence: float = 0.35
    rate_weight: float = 0.0

    def accepts(self, words: Sequence[Word]) -> bool:
        """Whether the words of one stretch are likely to have been said."""
        return bool(words) and evidence(words, self.rate_weight) >= self.min_confidence


def evidence(words: Sequence[Word], rate_weight: float) -> float:
    """Mean confidence of at least one word, plus `rate_weight` for each letter a second from first to last."""
    seconds = max(words[-1].end - words[0].start, SHORTEST_SPAN_SECONDS)
    letters = sum(len(word.text) for word in words)
    return sum(word.confidence for word in words) / len(words) + rate_weight * letters / seconds


def levels(signal: Signal, rate: int, seconds: float = FRAME_SECONDS) -> Signal:
    """Level in dB of each whole frame of `signal` [time]: [frames], at least SILENCE_DB."""
    size = max(round(seconds * rate), 1)
    count = len(signal) // size
    used = signal[: count * size]
    emphasised = used.copy()
    emphasised[1:] -= np.float32(PRE_EMPHASIS) * used[:-1]
    emphasised[:1] = 0.0  # no sample before the first: an offset would look like a click
    frames = emphasised.reshape(count, size)
    power = np.einsum("ij,ij->i", frames, frames) / size
    decibels: Signal = (10.0 * np.log10(power + 10.0 ** (SILENCE_DB / 10))).astype(np.float32)
    return decibels


def floor_and_top(level: Signal) -> tuple[float, float]:
    """The level of the background and of the loudest 100 ms, in dB. Without frames both are SILENCE_DB."""
    if not len(level):
        return SILENCE_DB, SILENCE_DB
    kth = max(len(level) - TOP_FRAMES, 0)
    return float(np.percentile(level, FLOOR_PERCENTILE)), float(np.partition(level, kth)[kth])


def may_hold_speech(signal: Signal, rate: int, gate: Gate) -> bool:
    """False for what is too quiet, or too steady, to be speech."""
    floor, top = floor_and_top(levels(signal, rate))
    if top < gate.min_level_db:
        return False
    return len(signal) < gate.range_seconds * rate or top - floor >= gate.min_range_db


def pauses(
    signal: Signal,
    rate: int,
    share: float = PAUSE_SHARE,
    shortest: float = PAUSE_SECONDS,
    frame_seconds: float = FRAME_SECONDS,
) -> list[tuple[int, int]]:
    """Stretches of `shortest` seconds or more that are quiet compared with the rest: [start, end) in samples.

    Quiet are frames of `frame_seconds` below floor + `share` * (top - floor), in dB.
    """
    level = levels(signal, rate, frame_seconds)
    floor, top = floor_and_top(level)
    if top - floor < PAUSE_MIN_RANGE_DB:
        return []
    quiet = level < floor + share * (top - floor)
    found = runs(quiet) * max(round(frame_seconds * rate), 1)
    long_enough = found[found[:, 1] - found[:, 0] >= shortest * rate]
    return [(int(start), int(end)) for start, end in long_enough]
