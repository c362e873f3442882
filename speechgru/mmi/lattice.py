"""A lattice of words: what the search met near its best text, and how probable each word of that text is.

A node is a point in time behind a word, with all that the language model and the next phone need to know of the past;
an arc is a word from one node to a later one. Its probability given the recording is the sum over all complete paths
through it (forward-backward); a word's is that of all arcs with the same word that overlap in time, where they are
most (Wessel et al. 2001, "Confidence measures for large vocabulary continuous speech recognition", C_max).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.utils import jit

njit = jit.compiled(__file__)

# before: the arc that this one goes on from, -1 at the start. node: where it goes to. word: -1 for silence.
# begin, end: frames [begin, end). score: of the best path up to its end, natural log.
ARC = np.dtype(
    [
        ("before", np.int32),
        ("word", np.int32),
        ("node", np.int32),
        ("begin", np.int32),
        ("end", np.int32),
        ("score", np.float32),
    ],
    align=True,
)


class Lattice(NamedTuple):
    """arcs: of dtype ARC, each behind those that it may go on from. nodes: how many; 0 is the start, the last one the
    end. score: of the best path, -inf where there is none."""

    arcs: NDArray[np.void]
    nodes: int
    score: float


def best(lattice: Lattice) -> NDArray[np.int64]:
    """The numbers of the arcs of the best complete path, in order, without silences."""
    arcs = lattice.arcs
    last = np.flatnonzero(arcs["node"] == lattice.nodes - 1)
    path: list[int] = []
    at = int(last[arcs["score"][last].argmax()]) if len(last) else -1
    while at >= 0:
        if arcs["word"][at] >= 0:
            path.append(at)
        at = int(arcs["before"][at])
    return np.array(path[::-1], np.int64)


def posteriors(lattice: Lattice, scale: float = 1.0) -> NDArray[np.float64]:
    """The probability of each arc given the recording [arcs]; scores count `scale` times."""
    return _posteriors(lattice.arcs, lattice.nodes, scale)


def confidences(lattice: Lattice, path: NDArray[np.int64], scale: float = 1.0) -> NDArray[np.float64]:
    """The probability of each word of a path [words], in [0, 1]."""
    return _confidences(lattice.arcs, posteriors(lattice, scale), path)


@njit
def _posteriors(arcs, nodes, scale):
    forward, backward = np.full(nodes, -np.inf), np.full(nodes, -np.inf)
    forward[0] = 0.0
    for arc in arcs:
        source, begun = 0, 0.0
        if arc.before >= 0:
            source, begun = arcs[arc.before].node, arcs[arc.before].score
        forward[arc.node] = np.logaddexp(forward[arc.node], forward[source] + scale * (arc.score - begun))
    backward[nodes - 1] = 0.0
    probabilities = np.zeros(len(arcs))
    for i in range(len(arcs) - 1, -1, -1):
        arc = arcs[i]
        source, begun = 0, 0.0
        if arc.before >= 0:
            source, begun = arcs[arc.before].node, arcs[arc.before].score
        reached = backward[arc.node] + scale * (arc.score - begun)
        if reached > -np.inf:
            backward[source] = np.logaddexp(backward[source], reached)
            probabilities[i] = np.exp(forward[source] + reached - forward[nodes - 1])
    return probabilities


@njit
def _confidences(arcs, probabilities, path):
    result = np.zeros(len(path))
    for number in range(len(path)):
        chosen = arcs[path[number]]
        share = np.zeros(chosen.end - chosen.begin)
        for i in range(len(arcs)):
            arc = arcs[i]
            if arc.word == chosen.word and arc.begin < chosen.end and arc.end > chosen.begin:
                for t in range(max(arc.begin, chosen.begin), min(arc.end, chosen.end)):
                    share[t - chosen.begin] += probabilities[i]
        result[number] = min(share.max(), 1.0) if len(share) else 0.0
    return result
