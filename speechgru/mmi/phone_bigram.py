"""Which phone follows which in words: what a free loop of phones costs.

Counted over the pronunciations that a model's file keeps, each word once, with half a count more for every pair; words
follow each other without regard to what they are, one in five behind a pause.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.lexicon import SILENCE
from speechgru.mmi.spoken_words import SpokenWords

PAUSE = 0.2
LEAST = 0.5
NEVER = np.float32(-1e9)


def estimate(spoken: SpokenWords | None, phones: int) -> NDArray[np.float32]:
    """Natural logs [phones, phones] by (left, phone); without pronunciations all phones are alike.

    Two silences never follow each other: they are one.
    """
    counts = np.full((phones, phones), LEAST)
    if spoken is not None and len(spoken.lengths):
        row, ends = spoken.phones.astype(np.int64), np.cumsum(spoken.lengths.astype(np.int64))
        inside = np.ones(len(row), np.bool_)
        inside[ends - 1] = False  # a word's last phone has none behind it
        pairs = np.flatnonzero(inside)
        np.add.at(counts, (row[pairs], row[pairs + 1]), 1.0)
        first = np.bincount(row[ends - spoken.lengths], minlength=phones).astype(float)
        last = np.bincount(row[ends - 1], minlength=phones).astype(float)
        counts += (1 - PAUSE) * np.outer(last, first) / len(ends)
        counts[:, SILENCE] += PAUSE * last
        counts[SILENCE] += PAUSE * first
    logs: NDArray[np.float32] = np.log(counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
    logs[SILENCE, SILENCE] = NEVER
    return logs
