"""Pronunciations of a language model's words as arrays, which a model's file keeps: to make them takes seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.lexicon import Phones


class SpokenWords(NamedTuple):
    """Ways to say words, sorted. phones: of all ways, one after the other, uint8. lengths: of each way, uint8. words:
    the place of each way's word in the language model's list, int32."""

    phones: NDArray[np.uint8]
    lengths: NDArray[np.uint8]
    words: NDArray[np.int32]


def pack(ways: Sequence[tuple[Phones, int]]) -> SpokenWords:
    """Sorted ways and their words' places, as arrays."""
    return SpokenWords(
        np.array([phone for way, _ in ways for phone in way], np.uint8),
        np.array([len(way) for way, _ in ways], np.uint8),
        np.array([place for _, place in ways], np.int32),
    )


def unpack(spoken: SpokenWords) -> list[tuple[Phones, int]]:
    """What was packed.

    Raises:
        ValueError: the arrays don't fit together.
    """
    ends = np.cumsum(spoken.lengths.astype(np.int64))
    if len(spoken.words) != len(ends) or (len(ends) and ends[-1] != len(spoken.phones)):
        raise ValueError(f"{len(spoken.words)} words, {len(ends)} lengths, {len(spoken.phones)} phones")
    phones, begin, ways = tuple(spoken.phones.tolist()), 0, []
    for end, place in zip(ends.tolist(), spoken.words.tolist()):
        ways.append((phones[begin:end], place))
        begin = end
    return ways


def digest(words: Sequence[str]) -> str:
    """Tells lists of words apart."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
