"""Keeps a tune that is sampled token by token (tokens.py) from going round in circles.

A match model (match_model.py) makes a network quote well; but once a bar was repeated, the passage that predicts it a
third time is longer still, and so on: of 100 tunes sampled freely 18 had one bar eight times or more, of the 4,201 of
`folk` one does. Tunes come back to what lies some bars ago. Therefore

* matches in the current bar and the NEAR before it are kept from the network;
* so is every match in the fourth bar where three are those of four bars ago: the second half of a part ends otherwise;
* where a passage comes twice in a row (one of LONGEST bars: two and a half times) the bar may not be that of the
  passage: should it be the same up to its last note, this becomes another.

98 % of folk's tunes repeat no passage more often.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.music.score.tokens import Encoding

NEAR = 3
"""Bars. Of 1 to 4, what left the fewest short loops and still let phrases of four bars come back."""
PHRASE = 4
"""Bars; two of them make a part, of which the second ends otherwise."""
LONGEST = 8
"""Bars of the longest passage that is looked for: a part."""

Bar = tuple[int, ...]


class Loops:
    """Follows a piece: `append` each token, then `forbid` what would go round once more.

    Attributes:
        quoted: of how many tokens at the piece's beginning the network may get matches.
    """

    def __init__(self, encoding: Encoding) -> None:
        kinds = [token.partition(" ")[0] for token in encoding.tokens]
        self._line = encoding.number.get("BAR", -1)
        self._notes = np.array([kind == "NOTE" for kind in kinds])
        self._heading = np.isin(kinds, ("START", "METRE", "UNIT", "SIGNATURE", "MODE"))
        self._bars: list[Bar] = []
        self._begins = [0]  # where each bar does, the current one is the last
        self._count = 0
        self._now: list[int] = []
        # By length of a passage: how many bars in a row are the one that lies so far back.
        self._same = [0] * (LONGEST + 1)
        self._others: set[Bar] = set()
        self.quoted = 0

    def append(self, number: int) -> None:
        """Take in a token."""
        self._count += 1
        if number == self._line:
            self._end_bar()
        elif not self._heading[number]:
            self._now.append(number)

    def forbid(self, logits: NDArray[np.float64]) -> None:
        """Make impossible in `logits` [tokens] the last note of a bar that would be the same once more, unless nothing
        else is possible."""
        length, left = len(self._now), logits.copy()
        for bar in self._others:
            is_last = length < len(bar) and self._notes[bar[length]] and not self._sounds(bar[length + 1 :])
            if is_last and bar[:length] == tuple(self._now):
                left[bar[length]] = -np.inf
        if np.isfinite(left).any():
            logits[:] = left

    def _end_bar(self) -> None:
        bar, before = tuple(self._now), self._bars
        for length in range(1, LONGEST + 1):
            again = len(before) >= length and before[-length] == bar and self._sounds(bar)
            self._same[length] = self._same[length] + 1 if again else 0
        self._bars.append(bar)
        self._begins.append(self._count)
        self._now = []
        self._others = {
            self._bars[-length]
            for length in range(1, LONGEST + 1)
            if self._same[length] >= length + (length // 2 if length == LONGEST else 0)
        }
        is_free = self._others or self._same[PHRASE] == PHRASE - 1
        self.quoted = 0 if is_free else self._begins[max(len(self._begins) - 1 - NEAR, 0)]

    def _sounds(self, tokens: Bar) -> bool:
        return bool(self._notes[list(tokens)].any())
