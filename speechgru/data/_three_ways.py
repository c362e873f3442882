"""Train, dev and test for corpora that publish none: seeded, the same on any machine, whatever the order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

SHARE = 0.1  # of the names, for dev and for test


def three_ways(names: Iterable[str], seed: int = 1) -> dict[str, str]:
    """Give each different name (a speaker, a sentence, a recording) its split: train, dev or test.

    The names are sorted by the SHA-256 of seed and name; the first tenth is test, the next dev, one name each at
    least. Fewer than three names are all train.

    >>> three_ways(["anna", "ben", "carl", "dora"])
    {'anna': 'test', 'ben': 'train', 'carl': 'train', 'dora': 'dev'}
    """
    ordered = sorted(set(names), key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    held_out = max(round(SHARE * len(ordered)), 1) if len(ordered) >= 3 else 0
    places = {
        name: "test" if i < held_out else "dev" if i < 2 * held_out else "train"
        for i, name in enumerate(ordered)
    }
    return dict(sorted(places.items()))
