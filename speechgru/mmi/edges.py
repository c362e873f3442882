"""Where the words of a text begin and end, by Gaussian mixtures: the mean over all paths, not the best path's.

Frames of 10 ms that are spliced say nearly the same, so that the best path is too sure of itself: likelihoods count a
fifth, and an edge is the frame that it has on average (forward-backward, Rabiner 1989, section III).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi import three_states
from speechgru.mmi.graph import Graph
from speechgru.mmi.lexicon import SILENCE
from speechgru.utils import jit

SCALE = np.float32(0.2)
RARE_PAUSE = -10.0  # of silence between two words, beside the graph's weight
_NOTHING = -1e9
njit = jit.compiled(__file__)


def edges(scores: NDArray[np.float32], graph: Graph) -> NDArray[np.float64] | None:
    """First frame of each word and first one behind it, [words, 2], in fractions of frames; None: they are too few.

    Args:
        scores: natural-log likelihoods [frames, mixtures], three a phone.
        graph: of the text, words in order.
    """
    if not len(scores):
        return None
    expanded = three_states.expand(_reluctant(graph))
    passed = _passed(
        (SCALE * scores).astype(np.float32),
        three_states.states(expanded),
        expanded.first,
        expanded.source,
        expanded.weight,
        expanded.start,
        expanded.end,
    )
    if not len(passed):
        return None
    known = np.concatenate([[0.0], np.cumsum(passed)])  # frames in the first states
    found = []
    for word in range(int(expanded.word.max()) + 1):
        places = np.flatnonzero(expanded.word == word)
        found.append((known[places[0]], known[places[-1] + 1]))
    return np.array(found)


def _reluctant(graph: Graph) -> Graph:
    """Pauses inside the text cost more: the closure of a stop is none of them."""
    target = np.repeat(np.arange(len(graph.phone)), np.diff(graph.first))
    is_inner = (graph.phone[target] == SILENCE) & (target != len(graph.phone) - 1)
    return graph._replace(weight=(graph.weight + np.where(is_inner, RARE_PAUSE, 0.0)).astype(np.float32))


@njit
def _add(x, y):
    """log(exp x + exp y)"""
    if x < y:
        x, y = y, x
    return x + np.log1p(np.exp(y - x)) if y > _NOTHING else x


@njit
def _passed(scores, which, first, source, weight, start, end):
    """Frames that paths spend in each state on average, [states]; none where no path exists."""
    frames, states = len(scores), len(which)
    alpha, total = np.full((frames, states), _NOTHING), _NOTHING
    for s in range(states):
        if start[s] > _NOTHING:
            alpha[0, s] = start[s] + scores[0, which[s]]
    for t in range(1, frames):
        for s in range(states):
            come = alpha[t - 1, s]
            for k in range(first[s], first[s + 1]):
                if alpha[t - 1, source[k]] > _NOTHING:
                    come = _add(come, alpha[t - 1, source[k]] + weight[k])
            if come > _NOTHING:
                alpha[t, s] = come + scores[t, which[s]]
    for s in range(states):
        if end[s] > _NOTHING and alpha[frames - 1, s] > _NOTHING:
            total = _add(total, alpha[frames - 1, s] + end[s])
    if total <= _NOTHING:
        return np.empty(0)
    spent, beta = np.zeros(states), np.where(end > _NOTHING, end, _NOTHING).astype(np.float64)
    for t in range(frames - 1, -1, -1):
        before = np.full(states, _NOTHING)
        for s in range(states):
            if beta[s] <= _NOTHING or alpha[t, s] <= _NOTHING:
                continue
            spent[s] += np.exp(alpha[t, s] + beta[s] - total)
            on = beta[s] + scores[t, which[s]]
            before[s] = _add(before[s], on)
            for k in range(first[s], first[s + 1]):
                before[source[k]] = _add(before[source[k]], on + weight[k])
        beta = before
    return spent
