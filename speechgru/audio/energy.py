"""Where a recording is loud and where it is quiet: levels, pauses, and whether it can hold speech at all.

Levels are in dB relative to full scale, of frames of 20 ms after pre-emphasis (y[t] = x[t] - 0.97 x[t-1]),
which removes offset and hum and makes the level of room noise steady, so that speech stands out of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.segments import runs

Signal = NDArray[np.float32]

FRAME_SECONDS = 0.02
PRE_EMPHASIS = 0.97
SILENCE_DB = -100.0  # the level given to digital zero
_NO_FLOOR_DB = -200.0  # for recordings of which all is quiet
TOP_FRAMES = (
    5  # the top level is that of the fifth loudest frame: a click is shorter than 100 ms, a vowel longer
)
FLOOR_PERCENTILE = 10.0
# Among 150 spoken digits the quietest has a top level of -62 dB; dithered 16-bit silence about -95.
MIN_LEVEL_DB = -80.0
# White, pink and brown noise have at most 2.2 dB between floor and top; speech with white noise 10 dB below it at least
# 2.7; clean speech over 15.
MIN_RANGE_DB = 2.5
RANGE_SECONDS = 1.0
PAUSE_SHARE = 0.3  # a frame is quiet below floor + PAUSE_SHARE * (top - floor)
PAUSE_MIN_RANGE_DB = 6.0  # with less between floor and top, dips are chance rather than pauses
PAUSE_SECONDS = 0.2
# Features have a floor in power, below which a quiet voice would drown: what has its top level below QUIET_DB is
# amplified to LIFTED_DB, if it stands QUIET_RANGE_DB above its own floor, as speech does and dither doesn't.
QUIET_DB = -60.0
LIFTED_DB = -30.0
QUIET_RANGE_DB = 6.0
BACKGROUND_DB = 40.0  # what lies so far below the loudest part of a recording is its background
MIN_STEPS = 8  # peak over the smallest sample that isn't 0: fewer steps of a converter make no word


def levels(signal: Signal, rate: int, seconds: float = FRAME_SECONDS, floor_db: float = SILENCE_DB) -> Signal:
    """Level in dB of each whole frame of `signal` [time]: [frames], at least `floor_db`."""
    size = max(round(seconds * rate), 1)
    count = len(signal) // size
    used = signal[: count * size]
    emphasised = used.copy()
    emphasised[1:] -= np.float32(PRE_EMPHASIS) * used[:-1]
    emphasised[:1] = 0.0  # no sample before the first: an offset would look like a click
    frames = emphasised.reshape(count, size)
    power = np.einsum("ij,ij->i", frames, frames) / size
    decibels: Signal = (10.0 * np.log10(power + 10.0 ** (floor_db / 10))).astype(np.float32)
    return decibels


def floor_and_top(level: Signal) -> tuple[float, float]:
    """The level of the background and of the loudest 100 ms, in dB. Without frames both are SILENCE_DB."""
    if not len(level):
        return SILENCE_DB, SILENCE_DB
    kth = max(len(level) - TOP_FRAMES, 0)
    return float(np.percentile(level, FLOOR_PERCENTILE)), float(np.partition(level, kth)[kth])


def gain_of(signal: Signal, rate: int, loudest: float = SILENCE_DB) -> tuple[float, float]:
    """By what a very quiet `signal` [time] is to be multiplied, 1 for any other; and its top level in dB.

    Args:
        loudest: the top level of the rest of the recording so far, in dB.
    """
    level = levels(signal, rate, floor_db=_NO_FLOOR_DB)
    floor, top = floor_and_top(level)
    if top >= QUIET_DB or top < loudest - BACKGROUND_DB or top - floor < QUIET_RANGE_DB:
        return 1.0, top
    size = np.abs(signal)
    peak = float(size.max())
    if peak < MIN_STEPS * float(size[size > 0].min()):
        return 1.0, top
    return min(10.0 ** ((LIFTED_DB - top) / 20), 0.5 / peak), top


def may_hold_speech(
    signal: Signal,
    rate: int,
    min_level_db: float = MIN_LEVEL_DB,
    min_range_db: float = MIN_RANGE_DB,
    range_seconds: float = RANGE_SECONDS,
) -> bool:
    """False for what is too quiet, or too steady, to be speech.

    Args:
        signal: samples [time] at `rate` Hz.
        min_level_db: what the top level must reach.
        min_range_db: how far the top level must stand above the floor; only asked of `range_seconds` or more.
    """
    floor, top = floor_and_top(levels(signal, rate))
    if top < min_level_db:
        return False
    return len(signal) < range_seconds * rate or top - floor >= min_range_db


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
    stretches = runs(quiet) * max(round(frame_seconds * rate), 1)
    long_enough = stretches[stretches[:, 1] - stretches[:, 0] >= shortest * rate]
    return [(int(start), int(end)) for start, end in long_enough]
