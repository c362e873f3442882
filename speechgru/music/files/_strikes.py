"""Where a note is struck again, by the level of the sound: it dips for a moment and comes back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DIP = 10.0
"""dB below the loudest on either side. A tremolo of a third up and down dips by 6."""
REACH = 20
"""Frames to either side within which it was, and is again, so much louder."""

Levels = NDArray[np.float64]


def levels(samples: NDArray[np.float32], hop: int, frames: int) -> Levels:
    """dB of the two `hop`s around the middle of each frame, [frames]; frame n is centred at sample n * hop."""
    padded = np.zeros((frames + 1) * hop)
    inside = samples[: frames * hop]
    padded[hop : hop + len(inside)] = inside
    powers = np.square(padded).reshape(frames + 1, hop).sum(axis=1)
    found: Levels = 10 * np.log10((powers[:-1] + powers[1:]) / (2 * hop) + 1e-10)
    return found


def dips(decibels: Levels) -> NDArray[np.bool_]:
    """At which frames [frames] the level is lowest in a dip: DIP below the loudest of REACH frames on either side."""
    found = np.zeros(len(decibels), dtype=bool)
    for frame, level in enumerate(decibels):
        before = decibels[max(frame - REACH, 0) : frame + 1]
        after = decibels[frame : frame + REACH + 1]
        if min(before.max(), after.max()) - level < DIP:
            continue
        # The lowest of its dip: towards either loudest there is nothing lower, and of equals the first counts.
        back = before[before.argmax() :]
        found[frame] = back[:-1].min() > level and after[: after.argmax() + 1].min() >= level
    return found
