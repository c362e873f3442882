"""What a model may know before it says a word of a piece (tokens.py): what holds, where in the bar it is, an echo.

All of it is a function of the words before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.music.models.echo import Echo
from speechgru.music.score.keys import Key
from speechgru.music.score.tokens import Encoding

HELD = ("METRE", "UNIT", "SIGNATURE", "MODE")
"""Kinds of words that hold until the next of their kind."""
NOTHING = -1
"""In place of a word's number, where there is none."""
COLUMNS = 2 + len(HELD) + 2

Numbers = NDArray[np.int64]


class View(NamedTuple):
    """Of each word of B pieces, padded to T words, what came before it: `known` [B, T, COLUMNS].

    Columns: number of the word before, those of the words that hold (HELD), the echo's, NOTHING where there is none;
    then the steps since the last bar line, and the length of the echo's passage in words.
    """

    known: Tensor


class Listener:
    """Follows a piece word by word: `hear` each, then read `known` [COLUMNS]."""

    def __init__(self, encoding: Encoding, most: int) -> None:
        """For a piece of at most `most` words."""
        self._kinds = [word.partition(" ") for word in encoding.words]
        self._echo, self._heard = Echo(most), np.zeros(most, dtype=np.int64)
        self._count, self._since_bar = 0, 0
        self._held = dict.fromkeys(HELD, NOTHING)
        self._last = NOTHING

    def hear(self, number: int) -> None:
        """Take in a word."""
        kind, _, value = self._kinds[number]
        if kind == "SHIFT":
            self._since_bar += int(value)
        elif kind in ("BAR", "UNIT"):
            self._since_bar = 0
        if kind in self._held:
            self._held[kind] = number
        self._heard[self._count] = self._last = number
        self._count += 1
        self._echo.hear(number)

    @property
    def known(self) -> list[int]:
        """What is known before the next word."""
        return self._known(self._echo.place, self._echo.match)

    def known_before(self, count: int) -> list[int]:
        """The same if echoes came from the first `count` words alone."""
        return self._known(*self._echo.before(count))

    def _known(self, place: int | None, match: int) -> list[int]:
        echo = NOTHING if place is None else int(self._heard[place])
        return [self._last, *self._held.values(), echo, self._since_bar, match]


@dataclass(frozen=True, eq=False)
class Heard:
    """A piece: its `words` [T] by number, and what was `known` [T, COLUMNS] before each."""

    words: Numbers
    known: Numbers
    encoding: Encoding

    def __len__(self) -> int:
        return len(self.words)

    def moved(self, semitones: int) -> Heard:
        """Transposed; no note may leave the encoding's range."""
        if not semitones:
            return self
        table = np.append(moved_words(self.encoding, semitones), NOTHING)  # NOTHING, the last, stays nothing
        known = self.known.copy()
        known[:, :-2] = table[known[:, :-2]]
        return Heard(table[self.words], known, self.encoding)


def hear(numbers: Sequence[int], encoding: Encoding) -> Heard:
    """Follow a piece."""
    listener, known = Listener(encoding, len(numbers)), np.zeros((len(numbers), COLUMNS), dtype=np.int64)
    for t, number in enumerate(numbers):
        known[t] = listener.known
        listener.hear(number)
    return Heard(np.array(numbers, dtype=np.int64), known, encoding)


@cache
def moved_words(encoding: Encoding, semitones: int) -> Numbers:
    """The number of each word when the piece is transposed: notes move, signatures change, all else stays."""
    table = np.arange(len(encoding))
    for number, word in enumerate(encoding.words):
        kind, _, value = word.partition(" ")
        if kind == "NOTE":
            table[number] = encoding.number.get(f"NOTE {int(value) + semitones}", number)
        elif kind == "SIGNATURE":
            # The mode doesn't matter: the signature of a transposed key is that of the transposed major key.
            table[number] = encoding.number[f"SIGNATURE {Key.of(int(value)).transposed(semitones).fifths}"]
    return table


def view(pieces: Sequence[Heard], spans: Sequence[tuple[int, int]]) -> View:
    """What comes before each word in `spans` (first word, word after the last; it may be empty) of `pieces`."""
    longest = max(1, *(last - first for first, last in spans))
    known = np.full((len(pieces), longest, COLUMNS), NOTHING, dtype=np.int64)
    known[..., -2:] = 0
    for row, (piece, (first, last)) in enumerate(zip(pieces, spans, strict=True)):
        known[row, : last - first] = piece.known[first:last]
    return View(torch.from_numpy(known))


def targets(pieces: Sequence[Heard], spans: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """The words of `spans` themselves, [B, T], and [B, T]: 1 where there is one, 0 in the padding."""
    longest = max(1, *(last - first for first, last in spans))
    words = np.zeros((len(pieces), longest), dtype=np.int64)
    inside = np.zeros((len(pieces), longest), dtype=np.float32)
    for row, (piece, (first, last)) in enumerate(zip(pieces, spans, strict=True)):
        words[row, : last - first], inside[row, : last - first] = piece.words[first:last], 1
    return torch.from_numpy(words), torch.from_numpy(inside)
