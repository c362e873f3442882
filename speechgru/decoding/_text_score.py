"""How likely a network finds a given text: the probability of all its CTC paths (Graves et al. 2006, section 4.1).

Spaces are those of `" ".join(text.split())`, as the beam search has them: a path that says more of them, or says them
at the ends, spells the text without. So behind the first frame of a space, and at both ends, a frame may say space or
blank; before a space it may say blank alone, and each path is counted once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.utils import jit

njit = jit.compiled(__file__)


@njit
def log_prob(probs: NDArray[np.float64], labels: NDArray[np.int64], space: int) -> float:
    """Natural log of the probability of all paths that spell `labels`; -inf where the frames are too few.

    Args:
        probs: probabilities [frames, symbols], positive, blank first.
        labels: symbols of the text [labels]; single spaces, none at the ends.
        space: its symbol, or -1 where there is none.
    """
    frames, states = len(probs), 2 * len(labels) + 1
    # Mass of the paths that end in each state: blank, label, blank, ..., rescaled in every frame.
    mass = np.zeros(states)
    mass[0] = 1.0
    scale = 0.0
    for frame in range(frames):
        row = probs[frame]
        low, high = max(states - 2 * (frames - frame), 0), min(2 * frame + 1, states - 1)
        top = 0.0
        for state in range(high, low - 1, -1):
            total = mass[state]
            if frame == 0:
                total = 1.0 if state < 2 else 0.0
            elif state % 2:
                label = labels[state // 2]
                if label == space:
                    total = 0.0  # the first frame of a space; what follows is the state behind it
                total += mass[state - 1]
                if state > 1 and labels[state // 2 - 1] != label:
                    total += mass[state - 2]
            elif state:
                total += mass[state - 1]
            if state % 2:
                total *= row[labels[state // 2]]
            else:
                after = state // 2
                free = after == 0 or after == len(labels) or labels[after - 1] == space
                total *= row[0] + row[space] if free and space >= 0 else row[0]
            mass[state] = total
            top = max(top, total)
        # States that are too far behind to reach the end any more.
        for state in range(max(low - 2, 0), low):
            mass[state] = 0.0
        if top == 0.0:
            return -np.inf
        for state in range(low, high + 1):
            mass[state] /= top
        scale += np.log(top)
    last = mass[states - 1] + (mass[states - 2] if states > 1 else 0.0)
    return scale + np.log(last) if last > 0.0 else -np.inf
