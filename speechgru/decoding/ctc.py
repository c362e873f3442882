"""The best CTC path of a given text: which frames say which symbol (forced alignment).

Viterbi over the states blank, symbol, blank, ..., symbol, blank; a blank may be left out between symbols that
differ (Graves et al. 2006, section 4.1). A search that takes doubled and outer spaces as one leaves frames that
say space where the text has none: at the ends and beside a space, a blank state takes them too.

How likely a network finds a given text: the probability of all its CTC paths (Graves et al. 2006, section 4.1).

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


@njit
def align(
    log_probs: NDArray[np.float64], labels: NDArray[np.int64], space: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """First frame of each label's run, the frame after its last, and its greatest log-probability there.

    Args:
        log_probs: natural logs [frames, symbols], finite, blank first.
        labels: symbols of the text [labels], at least one; frames must be enough to say them all.
        space: the symbol that blanks beside it may stand for, or -1.
    """
    steps, state = _best_steps(log_probs, labels, space)
    starts, ends = np.zeros(len(labels), np.int64), np.zeros(len(labels), np.int64)
    peaks = np.full(len(labels), -np.inf)
    for frame in range(len(log_probs) - 1, -1, -1):
        if state % 2:
            label = state // 2
            starts[label] = frame
            ends[label] = max(ends[label], frame + 1)
            peaks[label] = max(peaks[label], log_probs[frame, labels[label]])
        state -= steps[frame, state]
    return starts, ends, peaks


@njit
def _best_steps(
    log_probs: NDArray[np.float64], labels: NDArray[np.int64], space: int
) -> tuple[NDArray[np.int8], int]:
    """How many states (0, 1 or 2) the best path to each state came up by [frames, states]; its last state."""
    frames, states = len(log_probs), 2 * len(labels) + 1
    steps = np.zeros((frames, states), np.int8)
    score = np.full(states, -np.inf)
    score[0] = 0.0
    for frame in range(frames):
        row = log_probs[frame]
        # Only states that can be reached by now, and from which the end can be reached.
        low = max(states - 2 * (frames - frame), 0)
        for state in range(min(2 * frame + 1, states - 1), low - 1, -1):
            best, step = score[state] if frame or state == 0 else -np.inf, 0
            if state > 0 and score[state - 1] > best:
                best, step = score[state - 1], 1
            skips = state > 1 and state % 2 and labels[state // 2] != labels[state // 2 - 1]
            if skips and score[state - 2] > best:
                best, step = score[state - 2], 2
            score[state] = best + (
                row[labels[state // 2]] if state % 2 else _silence(row, labels, state, space)
            )
            steps[frame, state] = step
        if low > 0:
            score[low - 1] = -np.inf
            score[max(low - 2, 0)] = -np.inf
    return steps, states - 1 if score[states - 1] > score[states - 2] else states - 2


@njit
def _silence(row: NDArray[np.float64], labels: NDArray[np.int64], state: int, space: int) -> float:
    """Log-probability that a frame is the blank of `state`, or a space that the text leaves out there."""
    blank: float = row[0]
    if space < 0:
        return blank
    after = state // 2
    beside = after == 0 or after == len(labels) or labels[after] == space or labels[after - 1] == space
    # Just less than the label itself: where the text has a space, it is the space's own.
    return max(blank, float(row[space]) - 1e-9) if beside else blank
