"""A match model: it predicts what followed the longest earlier passage that equals the last symbols of a piece.

Tunes repeat their parts, and a GRU can't quote twenty bars. So its inputs hold what it could quote, and the length of
the passage that matches: the match model of text compression (Mahoney 2005, "Adaptive weighing of context models for
lossless data compression"), applied to notes and chords. It has nothing to learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MATCHES = (1, 2, 4, 8, 16, 32)
"""Lengths of a passage that a model can tell apart: at least so long."""


class MatchModel:
    """Finds matches while a piece grows: `append` each symbol, then read `place` and `match`.

    Attributes:
        place: number, from 0, of the symbol that followed the longest earlier passage that equals the last ones; of
            several the latest counts; None where there is none.
        match: length of that passage.
    """

    def __init__(self, most: int) -> None:
        """For a piece of at most `most` symbols."""
        self._codes = np.zeros(most, dtype=np.int64)
        # How many symbols at and before each earlier one equal those at and before the last one.
        self._lengths = np.zeros(most, dtype=np.int64)
        self._count = 0
        self.place: int | None = None
        self.match = 0

    def append(self, code: int) -> None:
        """Take in a symbol."""
        n = self._count
        same = self._codes[:n] == code
        # A passage that ends at symbol s goes on from the one that ended at s - 1 when the piece was shorter by one.
        self._lengths[1:n] = self._lengths[: max(n - 1, 0)] + 1
        self._lengths[:1] = 1
        self._lengths[:n] *= same
        self._codes[n], self._count = code, n + 1
        best = n - 1 - int(self._lengths[:n][::-1].argmax()) if n else 0
        self.match = int(self._lengths[best]) if n else 0
        self.place = best + 1 if self.match else None

    def before(self, count: int) -> tuple[int | None, int]:
        """Place and match as above, were there only matches among the first `count` symbols."""
        lengths = self._lengths[: min(max(count - 1, 0), self._count)]
        match = int(lengths.max(initial=0))
        return (len(lengths) - int(lengths[::-1].argmax()), match) if match else (None, 0)


def predictions(codes: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place (-1: none) and match [T] of every symbol: what `MatchModel` gives before it."""
    match = MatchModel(len(codes))
    places, matches = np.full(len(codes), -1), np.zeros(len(codes), dtype=np.int64)
    for t, code in enumerate(codes[:-1]):
        match.append(code)
        places[t + 1], matches[t + 1] = -1 if match.place is None else match.place, match.match
    return places, matches
