"""Where a tune that is sampled token by token (tokens.py) ends.

A model's probability of END too early is small at each token, but a tune has hundreds; nor does it remember an upbeat.
So a tune ends only where tunes do: after whole bars from its first note on (the last bar makes up for an upbeat), on
the tonic of its key. Where the model draws END elsewhere, the tune ends with the part of PART bars that it is in. So
how long tunes are is still the model's choice, at any temperature.

Where the last bar is known, what leads there is drawn so that it is reached: notes and rests don't go past it, and in
its last beat there is a tonic.

Of the 3,329 training tunes of `folk` 82 % end on the tonic and 83 % last whole bars; 98 % have up to LONGEST bars. A
piece with notes at once has no rule but a number of bars that is asked for.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from speechgru.music.score.keys import Key
from speechgru.music.score.token_codec import Clock
from speechgru.music.score.tokens import Encoding

LONGEST = 64
"""Bars after which a tune ends that doesn't know how to."""
PART = 8
"""Bars of a part: nearly all dance tunes have parts of eight."""


class Ending:
    """Follows a piece: `append` each token, then `forbid` what may not come next.

    Attributes:
        begins: which tokens lead to a note [tokens]: where none may begin, all of them are out.
    """

    def __init__(self, encoding: Encoding, may: NDArray[np.bool_], bars: int = 0) -> None:
        """For a piece of the tokens that `may` [tokens] be drawn, with so many `bars`; 0: as the model likes."""
        self._encoding, self._may = encoding, may
        self._is_known, self._bars = bool(bars), bars or LONGEST
        self._clock = Clock(encoding.settings)
        self._tokens = [token.partition(" ") for token in encoding.tokens]
        values = {kind: _values(encoding, kind) for kind in ("NOTE", "DURATION", "SHIFT")}
        self._pitches, self._durations, self._shifts = values["NOTE"], values["DURATION"], values["SHIFT"]
        self.begins = np.isin([kind for kind, _, _ in self._tokens], ("NOTE", "VOICE", "VELOCITY"))
        self._pending = 0
        self._tonic: int | None = None
        self._first: int | None = None
        self._held = self._end = 0  # where the last note ends, and where all have; in steps, as all times
        self._pitch = -1
        self._is_line = True
        self._beat = encoding.settings.steps_per_beat

    def append(self, number: int) -> None:
        """Take in a token."""
        kind, _, value = self._tokens[number]
        clock = self._clock
        if kind == "NOTE":
            self._first = clock.now if self._first is None else self._first
            self._is_line &= self._end <= clock.now
            self._held, self._pitch = clock.now, int(value)
        elif kind == "DURATION":
            self._held += int(value)
            self._end = max(self._end, self._held)
        elif kind == "SHIFT":
            clock.now += int(value)
        elif kind == "BAR":
            clock.next_bar()
        elif kind in ("METRE", "SIGNATURE"):
            self._pending = int(value)
        elif kind == "UNIT":
            clock.metre(self._pending, int(value))
            compound = int(value) == 8 and not self._pending % 3
            self._beat = 4 * clock.settings.steps_per_beat * (3 if compound else 1) // int(value)
        elif kind == "MODE":
            self._tonic = Key.of(self._pending, value).tonic_class

    @property
    def passed(self) -> float:
        """Bars from the first note on to the last one's end."""
        return 0.0 if self._first is None else (self._now - self._first) / self._clock.bar

    @property
    def progress(self) -> float:
        """How much of the bars is there, in [0, 1]."""
        return min(self.passed / self._bars, 1.0)

    def _may_pass(self, bars: int) -> bool:
        """Whether the longest note or rest, which may have several bars, would give the piece more than these."""
        longest = max(self._durations.max(), self._shifts.max()) / self._clock.bar
        return bool(self.passed + longest > bars)

    @property
    def sounds(self) -> bool:
        """Whether a note does that began earlier."""
        return self._end > self._clock.now

    @property
    def _now(self) -> int:
        return max(self._clock.now, self._end)

    @property
    def _is_tune(self) -> bool:
        return self._is_line and self._encoding.settings.bars

    @property
    def _is_on_tonic(self) -> bool:
        return self._tonic is None or self._pitch % 12 == self._tonic

    def ends_here(self) -> bool:
        """Whether the piece ends here, where the model would have it so; else it will, where its part does."""
        if self._first is None or self._is_known or not self._is_tune:
            return False
        if self._is_on_tonic and self.passed.is_integer():
            return True
        self._is_known = True
        # One bar at least, to come home in.
        self._bars = min(PART * math.ceil((self.passed + 1) / PART), LONGEST)
        return False

    def forbid(self, logits: NDArray[np.float64]) -> None:
        """Make impossible in `logits` [tokens] what may not come next."""
        if self._first is None:
            logits[self._encoding.end] = -np.inf
            return
        if self._is_known or (self._is_tune and self._may_pass(LONGEST - 2)):
            self._lead_to(logits, self._first + self._bars * self._clock.bar)
        elif self._is_tune:
            logits[self._encoding.end] = -np.inf

    def _lead_to(self, logits: NDArray[np.float64], last: int) -> None:
        """What may come next where the piece ends at step `last`."""
        now, bar = self._clock.now, self._encoding.number["BAR"]
        beat = last - min(self._beat, self._clock.bar // 2)  # where the last beat begins
        landed = self._is_on_tonic and self._held > beat
        if self._now != last:
            logits[self._encoding.end] = -np.inf
        furthest = last
        if self._wants_tonic and (landed or max(now, self._end) <= beat):
            tonic = self._pitches % 12 == self._tonic
            if now >= beat:
                logits[(self._pitches >= 0) & ~tonic] = -np.inf
            if not landed:
                furthest = beat
        if now >= last:
            logits[self.begins] = -np.inf
        logits[self._shifts > max(furthest - now, 0)] = -np.inf
        if self._clock.line > furthest or self._clock.line >= last:
            logits[bar] = -np.inf
        held = last if self._is_on_tonic or furthest == last else beat
        logits[self._durations > max(held - self._held, 0)] = -np.inf

    @property
    def _wants_tonic(self) -> bool:
        """Whether a tonic can be had, and means the end."""
        if self._tonic is None or not self._is_line:
            return False
        return bool((self._may & (self._pitches >= 0) & (self._pitches % 12 == self._tonic)).any())


def _values(encoding: Encoding, kind: str) -> NDArray[np.int64]:
    """The value of each token of this kind, -1 for the others."""
    parts = [token.partition(" ") for token in encoding.tokens]
    return np.array([int(value) if name == kind else -1 for name, _, value in parts])
