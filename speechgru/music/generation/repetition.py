"""Keeps a tune that is made up word by word (tokens.py) from going round in circles.

A model that is told what followed the last like passage (echo.py) quotes well; but once it has said a bar twice, the
passage that calls for it a third time is longer still, and so on: of 100 tunes made up freely 18 said one bar eight
times or more, of the 4,201 of `folk` one does. Tunes come back to what lies some bars ago. Therefore

* echoes from the bar that is being said and the NEAR before it are kept from the model;
* so is every echo in the fourth bar where three are those of four bars ago: the second half of a part ends otherwise;
* where a passage has been said twice in a row (one of LONGEST bars: two and a half times) the bar may not be that of
  the passage: should it be the same up to its last note, this becomes another.

98 % of folk's tunes say no passage more often.
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
    """Follows a piece: `hear` each word, then `forbid` what would go round once more.

    Attributes:
        quoted: of how many words at the piece's beginning the model may be told echoes.
    """

    def __init__(self, encoding: Encoding) -> None:
        kinds = [word.partition(" ")[0] for word in encoding.words]
        self._line = encoding.number.get("BAR", -1)
        self._notes = np.array([kind == "NOTE" for kind in kinds])
        self._heading = np.isin(kinds, ("START", "METRE", "UNIT", "SIGNATURE", "MODE"))
        self._bars: list[Bar] = []
        self._begins = [0]  # where each bar does, the one that is being said the last
        self._count = 0
        self._now: list[int] = []
        # By length of a passage: how many bars in a row are the one that lies so far back.
        self._same = [0] * (LONGEST + 1)
        self._others: set[Bar] = set()
        self.quoted = 0

    def hear(self, number: int) -> None:
        """Take in a word."""
        self._count += 1
        if number == self._line:
            self._end_bar()
        elif not self._heading[number]:
            self._now.append(number)

    def forbid(self, logits: NDArray[np.float64]) -> None:
        """Make impossible in `logits` [words] the last note of a bar that would be the same once more, unless nothing
        else is possible."""
        said, left = len(self._now), logits.copy()
        for bar in self._others:
            is_last = said < len(bar) and self._notes[bar[said]] and not self._sounds(bar[said + 1 :])
            if is_last and bar[:said] == tuple(self._now):
                left[bar[said]] = -np.inf
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

    def _sounds(self, words: Bar) -> bool:
        return bool(self._notes[list(words)].any())
