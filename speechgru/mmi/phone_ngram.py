"""A trigram of phones as a dense table: the denominator's language model.

A state is a phone with its left neighbour, (l, p), and goes on to (p, q), so that the transitions out of all states
with the same p are one matrix [l, q]. The model is not smoothed: what training doesn't have is left to the leak (Povey
et al. 2016 keep all trigrams too, and prune above). Silence forgets what was before it: all (l, silence) are one state,
(silence, silence).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.lexicon import SILENCE

KNOWN_START = 0.9  # of the first state's probability; the rest as states are anywhere in a text


class PhoneGram(NamedTuple):
    """Probabilities, float32.

    next: [phones, phones, phones] by (p, l, q): of q behind (l, p); rows sum to 1, or are 0 where (l, p) never occurs.
    start: [phones, phones] by (l, p), of the first state. share: of the states of a text, [phones, phones].
    """

    next: NDArray[np.float32]
    start: NDArray[np.float32]
    share: NDArray[np.float32]


def estimate(texts: Iterable[Sequence[int]], phones: int) -> PhoneGram:
    """The trigram of some rows of phones, with their silences. A first phone is one behind silence."""
    following = np.zeros((phones, phones, phones))
    start, count = np.zeros((phones, phones)), np.zeros((phones, phones))
    for text in texts:
        left, before = SILENCE, None
        for phone in text:
            state = (SILENCE if phone == SILENCE else left, phone)
            count[state] += 1
            if before is None:
                start[state] += 1
            else:
                following[before[1], before[0], phone] += 1
            before, left = state, phone
    total = following.sum(axis=2, keepdims=True)
    share = count / count.sum()
    return PhoneGram(
        (following / np.maximum(total, 1)).astype(np.float32),
        (KNOWN_START * start / start.sum() + (1 - KNOWN_START) * share).astype(np.float32),
        share.astype(np.float32),
    )


class Packed(NamedTuple):
    """A trigram as files hold it. place: of what is not 0 in `PhoneGram.next`, flat, int32. value: there, float16.
    start, share: as they are."""

    place: NDArray[np.int32]
    value: NDArray[np.float16]
    start: NDArray[np.float32]
    share: NDArray[np.float32]


def pack(gram: PhoneGram) -> Packed:
    """Three in four probabilities are 0."""
    place = np.flatnonzero(gram.next)
    return Packed(place.astype(np.int32), gram.next.ravel()[place].astype(np.float16), gram.start, gram.share)


def unpack(packed: Packed) -> PhoneGram:
    """The trigram again, its rows summing to 1.

    Raises:
        ValueError: the tables don't fit together.
    """
    phones = len(packed.start)
    if not packed.start.shape == packed.share.shape == (phones, phones):
        raise ValueError(f"start and share of phones are {packed.start.shape} and {packed.share.shape}")
    if packed.place.shape != packed.value.shape or not np.all(
        (packed.place >= 0) & (packed.place < phones**3)
    ):
        raise ValueError("the places of the phones' probabilities are none")
    flat = np.zeros(phones**3, np.float32)
    flat[packed.place] = packed.value
    table = flat.reshape(phones, phones, phones)
    total = np.maximum(table.sum(axis=2, keepdims=True), np.float32(1e-9))
    return PhoneGram((table / total).astype(np.float32), packed.start, packed.share)
