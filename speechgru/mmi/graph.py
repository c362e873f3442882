"""All pronunciations of a transcript: a graph of phones, with every pronunciation and optional silence.

A state is a phone with its left neighbour, so that what depends on that context is known to every state. Silence has
no context of its own (its left is silence), and is the context of what follows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.lexicon import SILENCE, Lexicon, Phones

PAUSE = math.log(0.2)  # silence between two words, and none
NO_PAUSE = math.log(0.8)


class Graph(NamedTuple):
    """States and the arcs into them.

    left, phone: int32 [states]. The arcs into state s come from source[first[s]:first[s + 1]] with natural-log
    weights `weight` of the same places. start, end: natural logs of beginning and ending in a state, -inf where a
    text can't. Sources come before their targets. word: which word of the text, -1 for silence, int32 [states].
    """

    left: NDArray[np.int32]
    phone: NDArray[np.int32]
    first: NDArray[np.int64]
    source: NDArray[np.int32]
    weight: NDArray[np.float32]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    word: NDArray[np.int32]


class _Builder:
    """States in the making; a frontier is a list of (state, weight): where the text so far may end, -1 its start."""

    def __init__(self) -> None:
        self.states: list[tuple[int, int, int]] = []
        self.arcs: list[list[tuple[int, float]]] = []

    def add(self, left: int, phone: int, word: int, sources: Sequence[tuple[int, float]]) -> int:
        self.states.append((SILENCE if phone == SILENCE else left, phone, word))
        self.arcs.append(list(sources))
        return len(self.states) - 1

    def by_phone(self, frontier: Sequence[tuple[int, float]]) -> dict[int, list[tuple[int, float]]]:
        """The frontier by the phone that each of it ends in."""
        groups: dict[int, list[tuple[int, float]]] = {}
        for state, weight in frontier:
            groups.setdefault(self.states[state][1] if state >= 0 else SILENCE, []).append((state, weight))
        return groups

    def silence(self, frontier: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
        """The frontier behind an optional silence."""
        pause = self.add(SILENCE, SILENCE, -1, [(s, w + PAUSE) for s, w in frontier])
        return [*((s, w + NO_PAUSE) for s, w in frontier), (pause, 0.0)]

    def pronounce(
        self, ways: Sequence[Phones], word: int, frontier: Sequence[tuple[int, float]]
    ) -> list[tuple[int, float]]:
        """The frontier behind a word."""
        groups, ends = self.by_phone(frontier), []
        for way in ways:
            last = [self.add(left, way[0], word, sources) for left, sources in groups.items()]
            for before, phone in pairwise(way):
                last = [self.add(before, phone, word, [(s, 0.0) for s in last])]
            ends += [(s, 0.0) for s in last]
        return ends


def build(text: str, lexicon: Lexicon) -> Graph | None:
    """The graph of a normalised text; None where it is empty or has a word that has no pronunciation."""
    builder = _Builder()
    frontier: list[tuple[int, float]] = [(-1, 0.0)]
    words = text.split()
    for number, word in enumerate(words):
        ways = lexicon.pronounce(word)
        if not ways:
            return None
        frontier = builder.pronounce(ways, number, builder.silence(frontier))
    return _packed(builder, builder.silence(frontier)) if words else None


def _packed(builder: _Builder, frontier: Sequence[tuple[int, float]]) -> Graph:
    count = len(builder.states)
    start, end = np.full(count, -np.inf, np.float32), np.full(count, -np.inf, np.float32)
    for state, weight in frontier:
        end[state] = weight
    first, source, weights = [0], [], []
    for state, arcs in enumerate(builder.arcs):
        for before, weight in arcs:
            if before < 0:
                start[state] = weight
            else:
                source.append(before)
                weights.append(weight)
        first.append(len(source))
    left, phone, word = (np.array(column, np.int32) for column in zip(*builder.states))
    return Graph(
        left,
        phone,
        np.array(first, np.int64),
        np.array(source, np.int32),
        np.array(weights, np.float32),
        start,
        end,
        word,
    )
