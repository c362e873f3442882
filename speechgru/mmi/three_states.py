"""Phones in three states each, as Gaussian mixtures want them: beginning, middle, end, from left to right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi import mixtures, viterbi
from speechgru.mmi.graph import Graph
from speechgru.mmi.mixtures import Mixtures

PARTS = 3


class Path(NamedTuple):
    """An alignment: the graph's state and the mixture's (3 phone + part) of each frame, and its score."""

    place: NDArray[np.int32]
    state: NDArray[np.int64]
    score: float


def expand(graph: Graph) -> Graph:
    """The graph with three states for each; the last one goes on to the next phone's first."""
    count = len(graph.phone)
    arcs = np.diff(graph.first)
    sizes = np.ones(PARTS * count, np.int64)
    sizes[::PARTS] = arcs
    first = np.concatenate([[0], np.cumsum(sizes)])
    source, weight = np.empty(first[-1], np.int32), np.zeros(first[-1], np.float32)
    outer = np.repeat(first[:-1:PARTS], arcs) + np.arange(arcs.sum()) - np.repeat(graph.first[:-1], arcs)
    source[outer], weight[outer] = PARTS * graph.source + PARTS - 1, graph.weight
    for part in range(1, PARTS):
        source[first[part:-1:PARTS]] = PARTS * np.arange(count) + part - 1
    start, end = (np.full(PARTS * count, -np.inf, np.float32) for _ in range(2))
    start[::PARTS], end[PARTS - 1 :: PARTS] = graph.start, graph.end
    left, phone, word = (np.repeat(column, PARTS) for column in (graph.left, graph.phone, graph.word))
    return Graph(left, phone, first, source, weight, start, end, word)


def states(expanded: Graph) -> NDArray[np.int32]:
    """The mixture of each state of an expanded graph."""
    return (PARTS * expanded.phone + np.arange(len(expanded.phone)) % PARTS).astype(np.int32)


def align(given: Mixtures, features: NDArray[np.float32], expanded: Graph) -> Path | None:
    """The likeliest path of frames [T, D] through an expanded graph; None where they are too few."""
    which = states(expanded)
    path, score = viterbi.align(mixtures.scores(given, features), which, which, expanded)
    if not len(path):
        return None
    return Path((path // PARTS).astype(np.int32), which[path].astype(np.int64), score)
