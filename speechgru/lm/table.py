"""An n-gram model laid open: one row per n-gram, for estimating, pruning, ARPA; `NGram` is the packed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
UNKNOWN_ID, BEGIN_ID, END_ID = 0, 1, 2
SPECIAL = (UNKNOWN, BEGIN, END)
# Ten to the minus 99 is how ARPA files say that something never follows.
NEVER = float(np.log(10.0) * -99.0)


@dataclass(frozen=True)
class Level:
    """The n-grams of one order, sorted by (parent, word).

    parent: int64 `[rows]`, the row of the n-gram without its last word in the level below (0 for single words).
    word: int32 `[rows]`, the last word's id; at the lowest level row i is word i.
    prob: float32 `[rows]`, natural log of p(word | the words before it), ≤ 0.
    backoff: float32 `[rows]`, natural log of the weight of the shorter context after this n-gram; 0 without one.
    """

    parent: np.ndarray
    word: np.ndarray
    prob: np.ndarray
    backoff: np.ndarray

    def __len__(self) -> int:
        return len(self.word)


@dataclass(frozen=True)
class Table:
    """`words`: id → word, `SPECIAL` first, then sorted by code point. `levels`: one an order, shortest first."""

    words: Sequence[str]
    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        return len(self.levels)

    @property
    def counts(self) -> list[int]:
        """N-grams of each order."""
        return [len(level) for level in self.levels]


def sorted_words(words: set[str]) -> tuple[str, ...]:
    """The ids' order: `SPECIAL`, then the others by code point."""
    return (*SPECIAL, *sorted(words.difference(SPECIAL)))


def row_keys(parent: np.ndarray, word: np.ndarray) -> np.ndarray:
    """uint64 `[rows]` that sort like (parent, word); word ids are below 2**24."""
    keys: np.ndarray = (parent.astype(np.uint64) << np.uint64(24)) | word.astype(np.uint64)
    return keys


def find_rows(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """int64, for each of `wanted` its place in the sorted `keys`, -1 where it isn't there."""
    if len(keys) == 0:
        return np.full(len(wanted), -1, np.int64)
    place = np.searchsorted(keys, wanted)
    place[place == len(keys)] = 0
    return np.where(keys[place] == wanted, place, -1)
