"""Inputs of a token model (tokens.py): what holds, the place in the bar, the match model's prediction.

All of it is a function of the tokens before.
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

from speechgru.music.models.match_model import MatchModel
from speechgru.music.score.keys import Key
from speechgru.music.score.tokens import Encoding

HELD = ("METRE", "UNIT", "SIGNATURE", "MODE")
"""Kinds of tokens that hold until the next of their kind."""
NOTHING = -1
"""In place of a token's number, where there is none."""
COLUMNS = 2 + len(HELD) + 2

Numbers = NDArray[np.int64]


class View(NamedTuple):
    """Of each token of B pieces, padded to T tokens, what came before it: `known` [B, T, COLUMNS].

    Columns: number of the token before, those of the tokens that hold (HELD), that of the match model, NOTHING where
    there is none; then the steps since the last bar line, and the length of the match in tokens.
    """

    known: Tensor


class TokenHistory:
    """Follows a piece token by token: `append` each, then read `known` [COLUMNS]."""

    def __init__(self, encoding: Encoding, most: int) -> None:
        """For a piece of at most `most` tokens."""
        self._kinds = [token.partition(" ") for token in encoding.tokens]
        self._matches, self._tokens = MatchModel(most), np.zeros(most, dtype=np.int64)
        self._count, self._since_bar = 0, 0
        self._held = dict.fromkeys(HELD, NOTHING)
        self._last = NOTHING

    def append(self, number: int) -> None:
        """Take in a token."""
        kind, _, value = self._kinds[number]
        if kind == "SHIFT":
            self._since_bar += int(value)
        elif kind in ("BAR", "UNIT"):
            self._since_bar = 0
        if kind in self._held:
            self._held[kind] = number
        self._tokens[self._count] = self._last = number
        self._count += 1
        self._matches.append(number)

    @property
    def known(self) -> list[int]:
        """What is known before the next token."""
        return self._known(self._matches.place, self._matches.match)

    def known_before(self, count: int) -> list[int]:
        """The same if matches were sought in the first `count` tokens alone."""
        return self._known(*self._matches.before(count))

    def _known(self, place: int | None, match: int) -> list[int]:
        match_token = NOTHING if place is None else int(self._tokens[place])
        return [self._last, *self._held.values(), match_token, self._since_bar, match]


@dataclass(frozen=True, eq=False)
class TokenInputs:
    """A piece: its `tokens` [T] by number, and what was `known` [T, COLUMNS] before each."""

    tokens: Numbers
    known: Numbers
    encoding: Encoding

    def __len__(self) -> int:
        return len(self.tokens)

    def moved(self, semitones: int) -> TokenInputs:
        """Transposed; no note may leave the encoding's range."""
        if not semitones:
            return self
        table = np.append(
            transposed_tokens(self.encoding, semitones), NOTHING
        )  # NOTHING, the last, stays nothing
        known = self.known.copy()
        known[:, :-2] = table[known[:, :-2]]
        return TokenInputs(table[self.tokens], known, self.encoding)


def inputs_of(numbers: Sequence[int], encoding: Encoding) -> TokenInputs:
    """Follow a piece."""
    history, known = TokenHistory(encoding, len(numbers)), np.zeros((len(numbers), COLUMNS), dtype=np.int64)
    for t, number in enumerate(numbers):
        known[t] = history.known
        history.append(number)
    return TokenInputs(np.array(numbers, dtype=np.int64), known, encoding)


@cache
def transposed_tokens(encoding: Encoding, semitones: int) -> Numbers:
    """The number of each token when the piece is transposed: notes move, signatures change, all else stays."""
    table = np.arange(len(encoding))
    for number, token in enumerate(encoding.tokens):
        kind, _, value = token.partition(" ")
        if kind == "NOTE":
            table[number] = encoding.number.get(f"NOTE {int(value) + semitones}", number)
        elif kind == "SIGNATURE":
            # The mode doesn't matter: the signature of a transposed key is that of the transposed major key.
            table[number] = encoding.number[f"SIGNATURE {Key.of(int(value)).transposed(semitones).fifths}"]
    return table


def view(pieces: Sequence[TokenInputs], spans: Sequence[tuple[int, int]]) -> View:
    """What comes before each token in `spans` (first token, token after the last; it may be empty) of `pieces`."""
    longest = max(1, *(last - first for first, last in spans))
    known = np.full((len(pieces), longest, COLUMNS), NOTHING, dtype=np.int64)
    known[..., -2:] = 0
    for row, (piece, (first, last)) in enumerate(zip(pieces, spans, strict=True)):
        known[row, : last - first] = piece.known[first:last]
    return View(torch.from_numpy(known))


def targets(pieces: Sequence[TokenInputs], spans: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """The tokens of `spans` themselves, [B, T], and [B, T]: 1 where there is one, 0 in the padding."""
    longest = max(1, *(last - first for first, last in spans))
    tokens = np.zeros((len(pieces), longest), dtype=np.int64)
    inside = np.zeros((len(pieces), longest), dtype=np.float32)
    for row, (piece, (first, last)) in enumerate(zip(pieces, spans, strict=True)):
        tokens[row, : last - first], inside[row, : last - first] = piece.tokens[first:last], 1
    return torch.from_numpy(tokens), torch.from_numpy(inside)
