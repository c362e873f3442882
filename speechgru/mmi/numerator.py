"""How likely the outputs make a given text: forward-backward over its graph of phones, in logarithms, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.graph import Graph
from speechgru.mmi.phone_ngram import PhoneGram
from speechgru.mmi.tying import Tying
from speechgru.utils import jit

UNSAID = 1e-4  # probability of what the trigram excludes
LEAVE = float(np.log(0.5))
njit = jit.compiled(__file__)


def weighted(graph: Graph, gram: PhoneGram) -> Graph:
    """A text's graph with the trigram's weights, so that its paths are some of the denominator's."""
    source = graph.source
    target = np.repeat(np.arange(len(graph.phone)), np.diff(graph.first))
    chance = gram.next[graph.phone[source], graph.left[source], graph.phone[target]]
    begin = np.maximum(gram.start[graph.left, graph.phone], UNSAID)
    return graph._replace(
        weight=np.log(np.maximum(chance, UNSAID)).astype(np.float32),
        start=np.where(np.isfinite(graph.start), np.log(begin), -np.inf).astype(np.float32),
        end=np.where(np.isfinite(graph.end), 0.0, -np.inf).astype(np.float32),
    )


def occupation(outputs: NDArray[np.float32], graph: Graph, tying: Tying) -> tuple[float, NDArray[np.float32]]:
    """As that of `denominator`, over the paths of a graph; -inf and zeros where the frames are too few for it."""
    enter, stay = tying.enter[graph.left, graph.phone], tying.stay[graph.left, graph.phone]
    occupied = np.zeros_like(outputs)
    total = _occupation(
        outputs, enter, stay, graph.first, graph.source, graph.weight, graph.start, graph.end, occupied
    )
    return total, occupied


@njit
def _add(x, y):
    """log(exp x + exp y)"""
    if x < y:
        x, y = y, x
    return x + np.log1p(np.exp(y - x)) if y > -np.inf else x


@njit
def _occupation(outputs, enter, stay, first, source, weight, start, end, occupied):
    frames, states = len(outputs), len(enter)
    alpha, entry = np.full((frames, states), -np.inf), np.full((frames, states), -np.inf)
    for s in range(states):
        entry[0, s] = start[s] + outputs[0, enter[s]]
        alpha[0, s] = entry[0, s]
    for t in range(1, frames):
        for s in range(states):
            come = -np.inf
            for k in range(first[s], first[s + 1]):
                if alpha[t - 1, source[k]] > -np.inf:
                    come = _add(come, alpha[t - 1, source[k]] + weight[k])
            if come > -np.inf:
                entry[t, s] = come + LEAVE + outputs[t, enter[s]]
            if alpha[t - 1, s] > -np.inf:
                alpha[t, s] = _add(entry[t, s], alpha[t - 1, s] + LEAVE + outputs[t, stay[s]])
            else:
                alpha[t, s] = entry[t, s]
    total = -np.inf
    for s in range(states):
        if end[s] > -np.inf and alpha[frames - 1, s] > -np.inf:
            total = _add(total, alpha[frames - 1, s] + end[s])
    if total > -np.inf:
        _backward(outputs, enter, stay, first, source, weight, end, alpha, entry, total, occupied)
    return total


@njit
def _backward(outputs, enter, stay, first, source, weight, end, alpha, entry, total, occupied):
    frames, states = alpha.shape
    beta, before = end.astype(np.float64), np.empty(states)
    for t in range(frames - 1, -1, -1):
        before[:] = -np.inf
        for s in range(states):
            if beta[s] == -np.inf or alpha[t, s] == -np.inf:
                continue
            both, come = np.exp(alpha[t, s] + beta[s] - total), np.exp(entry[t, s] + beta[s] - total)
            occupied[t, enter[s]] += come
            occupied[t, stay[s]] += max(both - come, 0.0)
            if t == 0:
                continue
            before[s] = _add(before[s], beta[s] + LEAVE + outputs[t, stay[s]])
            on = beta[s] + LEAVE + outputs[t, enter[s]]
            for k in range(first[s], first[s + 1]):
                before[source[k]] = _add(before[source[k]], on + weight[k])
        beta, before = before, beta
