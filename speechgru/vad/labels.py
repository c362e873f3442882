"""Where a clean recording holds speech, for a detector to learn: by its levels, before any noise is added.

A frame of 10 ms is speech where its level (pre-emphasised, see energy.py) lies ABOVE_FLOOR_DB above the recording's
own background and no further than BELOW_TOP_DB below its loudest sounds. Clicks are left out and short pauses, the
closure of a stop among them, filled in. With noise the levels tell nothing: that is what the detector is for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.energy import Signal, floor_and_top, levels
from speechgru.audio.segments import Mask, without_gaps, without_runs

GRID_SECONDS = 0.01
ABOVE_FLOOR_DB = 8.0
BELOW_TOP_DB = 40.0
# Of a recording without pauses, the quietest tenth is speech and no background.
HIGHEST_DB = -15.0  # below the top
CLICK_SECONDS = 0.05
PAUSE_SECONDS = 0.2


def spoken(signal: Signal, rate: int) -> Mask:
    """Whether each whole 10 ms of a clean recording [time] is speech: [frames]."""
    level = levels(signal, rate, GRID_SECONDS)
    floor, top = floor_and_top(level)
    threshold = min(max(floor + ABOVE_FLOOR_DB, top - BELOW_TOP_DB), top + HIGHEST_DB)
    mask = without_runs(level >= threshold, CLICK_SECONDS / GRID_SECONDS)
    return without_gaps(mask, PAUSE_SECONDS / GRID_SECONDS)


def at_frames(mask: Mask, frame_seconds: float, count: int) -> Mask:
    """What half or more of each of `count` frames is, centred at multiples of `frame_seconds`, of `mask` [grid].

    Of a frame at an end counts what lies within; one beyond it is no speech.
    """
    # To the nearest step of the grid, with a little added so that halves are always rounded up.
    edges = np.floor((np.arange(count + 1) - 0.5) * frame_seconds / GRID_SECONDS + 0.5 + 1e-6).astype(int)
    edges = edges.clip(0, len(mask))
    sums = np.concatenate([[0], np.cumsum(mask)])[edges]
    mostly: Mask = 2 * np.diff(sums) >= np.diff(edges).clip(1)
    return mostly


def on_grid(values: NDArray[Any], frame_seconds: float, count: int) -> NDArray[Any]:
    """`values` [frames] of frames centred at multiples of `frame_seconds`, at `count` steps of the grid."""
    centres = (np.arange(count) + 0.5) * GRID_SECONDS
    nearest = np.floor(centres / frame_seconds + 0.5).astype(int)
    nearest_values: NDArray[Any] = values[nearest.clip(max=len(values) - 1)]
    return nearest_values


def power(signal: Signal, mask: Mask, rate: int) -> float:
    """Mean square of `signal` [time] where `mask` [grid] is speech; 0 where it never is."""
    size = round(GRID_SECONDS * rate)
    speech = signal[: len(mask) * size].reshape(-1, size)[mask]
    return float(np.square(speech, dtype=np.float64).mean()) if len(speech) else 0.0


def gain(power: float, wanted_db: float) -> float:
    """What a signal of mean `power` is multiplied with to have `wanted_db`, in dB of full scale; 1 for silence."""
    return 10 ** (wanted_db / 20) / math.sqrt(power) if power > 0 else 1.0
