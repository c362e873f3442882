"""A word as numbers: its place in a vocabulary, and what its beginning and end are, which unknown words share.

Affixes are hashed into buckets (Weinberger et al. 2009, arXiv:0902.2206), so that no list of them is stored.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

AFFIXES = (slice(0, 2), slice(0, 3), slice(-2, None), slice(-3, None), slice(-4, None))
SIZE = 1 + len(AFFIXES)
"""Features of a word."""


class WordFeatures:
    """Rows of features: 0 for an unknown word, else 1 + its place among `words`; behind these, a bucket an affix."""

    def __init__(self, words: Sequence[str], buckets: int) -> None:
        self.words = tuple(words)
        self.buckets = buckets
        self._places = {word: place for place, word in enumerate(self.words, start=1)}
        self._rows: dict[str, tuple[int, ...]] = {}

    def row(self, word: str) -> tuple[int, ...]:
        """The features of `word`, [SIZE]."""
        if word not in self._rows:
            first = len(self.words) + 1
            hashes = (
                zlib.crc32(f"{number}{word[part]}".encode("utf-8", "surrogatepass")) % self.buckets
                for number, part in enumerate(AFFIXES)
            )
            self._rows[word] = (self._places.get(word, 0), *(first + value for value in hashes))
        return self._rows[word]

    def rows(self, words: Iterable[str]) -> NDArray[np.int64]:
        """The features of each of `words`, [words, SIZE]."""
        return np.array([self.row(word) for word in words], dtype=np.int64).reshape(-1, SIZE)


def vocabulary(words: Iterable[str], most: int) -> tuple[str, ...]:
    """The `most` frequent of `words`, those of one count in alphabetical order."""
    ranked = sorted(Counter(words).items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(word for word, _ in ranked[:most])
