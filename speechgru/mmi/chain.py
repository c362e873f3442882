"""Viterbi through a few frames in stretches: a word, an optional pause, any phones at all, one after the other.

Between two stretches stands a table [frames + 1, phones]: the best score of all paths so far that have taken the first
t frames and ended in this phone, which the outputs of what follows depend on. A stretch makes of the table before it
the one behind it, so that paths with a word and with anything in its place share what they have in common. The
probability to leave a state or to stay in it is 1/2 and left out, as it is the same for all paths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.graph import PAUSE
from speechgru.mmi.lexicon import SILENCE, Phones
from speechgru.mmi.tying import Tying
from speechgru.utils import jit

njit = jit.compiled(__file__)
IMPOSSIBLE = np.float32(-1e9)
Table = NDArray[np.float32]


@dataclass(frozen=True)
class Chain:
    """Stretches of one model.

    tying: its outputs. bigram: natural logs of which phone follows which, [phones, phones], for what is free.
    """

    tying: Tying
    bigram: NDArray[np.float32]

    def begin(self, frames: int) -> Table:
        """Before the first of so many frames, behind silence."""
        table = np.full((frames + 1, len(self.bigram)), IMPOSSIBLE, np.float32)
        table[0, SILENCE] = 0
        return table

    def word(self, outputs: NDArray[np.float32], ways: Sequence[Phones], came: Table) -> Table:
        """Behind a word, in whichever of its pronunciations (one at least); outputs are [frames, outputs]."""
        left = [
            _word(outputs, self.tying.enter, self.tying.stay, np.array(way, np.int32), came) for way in ways
        ]
        behind: Table = left[0] if len(left) == 1 else np.max(left, axis=0)
        return behind

    def pause(self, outputs: NDArray[np.float32], came: Table) -> Table:
        """Behind silence, or nothing."""
        behind: Table = _pause(outputs, self.tying.enter, self.tying.stay, came, np.float32(PAUSE))
        return behind

    def anything(self, outputs: NDArray[np.float32], came: Table) -> Table:
        """Behind any phones, or none."""
        behind: Table = _anything(outputs, self.tying.enter, self.tying.stay, self.bigram, came)
        return behind

    @staticmethod
    def score(table: Table) -> float:
        """Of the best path through all frames; -inf where there is none."""
        best = float(table[-1].max())
        return best if best > IMPOSSIBLE / 2 else -math.inf


@njit
def _word(outputs, enter, stay, way, came):
    frames, phones, size = len(outputs), came.shape[1], len(way)
    left = np.full((frames + 1, phones), IMPOSSIBLE)
    start, rest = np.full(phones, IMPOSSIBLE), np.full(size, IMPOSSIBLE)
    first = way[0]
    for t in range(frames):
        # From the last phone on, so that what comes before is of the frame before.
        for k in range(size - 1, 0, -1):
            before, phone = way[k - 1], way[k]
            come = start.max() if k == 1 else rest[k - 1]
            rest[k] = max(rest[k] + outputs[t, stay[before, phone]], come + outputs[t, enter[before, phone]])
        for c in range(phones):
            start[c] = max(start[c] + outputs[t, stay[c, first]], came[t, c] + outputs[t, enter[c, first]])
        left[t + 1, way[size - 1]] = start.max() if size == 1 else rest[size - 1]
    return left


@njit
def _pause(outputs, enter, stay, came, price):
    left, silent = came.copy(), IMPOSSIBLE
    for t in range(len(outputs)):
        come = came[t].max() + price + outputs[t, enter[SILENCE, SILENCE]]
        silent = max(silent + outputs[t, stay[SILENCE, SILENCE]], come)
        left[t + 1, SILENCE] = max(left[t + 1, SILENCE], silent)
    return left


@njit
def _anything(outputs, enter, stay, bigram, came):
    frames, phones = len(outputs), came.shape[1]
    left, state = came.copy(), np.full((phones, phones), IMPOSSIBLE)
    for t in range(frames):
        silent = IMPOSSIBLE
        for c in range(phones):
            silent = max(silent, left[t, c] + bigram[c, SILENCE])
            for phone in range(1, phones):
                come = left[t, c] + bigram[c, phone] + outputs[t, enter[c, phone]]
                now = max(state[c, phone] + outputs[t, stay[c, phone]], come)
                state[c, phone] = now
                if now > left[t + 1, phone]:
                    left[t + 1, phone] = now
        here = state[SILENCE, SILENCE] + outputs[t, stay[SILENCE, SILENCE]]
        state[SILENCE, SILENCE] = max(here, silent + outputs[t, enter[SILENCE, SILENCE]])
        left[t + 1, SILENCE] = max(left[t + 1, SILENCE], state[SILENCE, SILENCE])
    return left
