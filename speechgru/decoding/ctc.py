"""A known text by a CTC network's output: its best path, and the probability of all its paths.

Spaces are those of `" ".join(text.split())`, as the beam search has them: a path with more of them, or with some at
the ends, spells the text without. So at both ends, and around a space, frames that emit a space may be blanks of the
lattice too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import trellis
from speechgru.decoding.trellis import AT_BLANK, AT_LABEL, KINDS, Frames, Graph, Scores
from speechgru.text.vocabulary import BLANK
from speechgru.utils import jit

njit = jit.compiled(__file__)

_TIE = 1e-9  # where the text has a space, its frames are the space's own rather than the blank's beside it
_NEVER = np.float64(np.inf)


def align(
    log_probs: NDArray[np.float64], labels: NDArray[np.int64], space: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """First frame of each label's run on the best path, the frame after its last, its greatest log-probability there.

    Args:
        log_probs: natural logs [frames, symbols], finite, blank first.
        labels: symbols of the text [labels], at least one; frames must be enough for them all.
        space: the symbol that blanks beside it and at the ends may stand for, or -1.
    """
    frames, count = len(log_probs), len(labels)
    quiet = log_probs[:, BLANK].copy()
    if space >= 0:
        np.maximum(quiet, log_probs[:, space] - _TIE, out=quiet)
    graph = _graph(labels, space)
    blank, label = np.full(count + 1, -np.inf), np.full(count, -np.inf)
    blank[0] = 0.0
    scores = Scores(blank, label, np.full(len(graph.first), -np.inf))
    codes, states = np.empty((frames, count + 1), np.uint8), np.empty(frames, np.int32)
    origins = np.empty((frames, 0, 2), np.int32)
    trellis.trace(Frames(log_probs, quiet, quiet), graph, scores, codes, origins)
    ends_in_blank = blank[count] > label[count - 1]
    last = KINDS * count + AT_BLANK if ends_in_blank else KINDS * (count - 1) + AT_LABEL
    trellis.follow(codes, origins, graph, last, states)
    peaks, at = np.full(count, -np.inf), np.flatnonzero(states % KINDS == AT_LABEL)
    own = states[at] // KINDS
    np.maximum.at(peaks, own, log_probs[at, labels[own]])
    return *trellis.spans(states, count), peaks


def _graph(labels: NDArray[np.int64], space: int) -> Graph:
    """The lattice without liberties: spaces are words of their own, so that there are boundaries beside them."""
    is_space = labels == space
    begins = np.append(True, is_space[1:] | is_space[:-1])
    first = np.append(np.flatnonzero(begins), len(labels)).astype(np.int32)
    direct = np.where(np.append(False, labels[1:] == labels[:-1]), -np.inf, 0.0)
    words = len(first) - 1
    never = np.full(words + 1, np.inf)
    return Graph(
        labels.astype(np.int32), direct, _NEVER, first, never[1:], _NEVER, never, *trellis.plain_words(words)
    )


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
