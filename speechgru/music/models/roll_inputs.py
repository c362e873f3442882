"""Inputs of a model of piano rolls: the step before, the match model's prediction (match_model.py), and the time.

Everything here is a function of earlier steps alone (tests/music/models/test_rolls.py changes the future and finds
the same), so a likelihood that is computed from it is that of the piece, by the chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.music.models.match_model import MATCHES, MatchModel, predictions
from speechgru.music.score.piano_roll import KEYS, Roll

PERIODS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Steps after which a clock's hand is where it was."""


class View(NamedTuple):
    """Of each step of B pieces, padded to T steps, what came before it.

    `previous` [B, T, 88]: the keys of the step before, none before the first. `predicted` [B, T, 88]: what followed the
    longest earlier passage that equals the last steps. `match` [B, T]: the length of that passage in steps, 0 where
    there is none. `position` [B, T]: the step's number, from 0.
    """

    previous: Tensor
    predicted: Tensor
    match: Tensor
    position: Tensor


class RollHistory:
    """The matches in a roll while it grows: `append` each step, then read `predicted` [88] and `match`."""

    def __init__(self, most: int) -> None:
        """For a piece of at most `most` steps."""
        self._steps = np.zeros((most, KEYS), dtype=np.uint8)
        self._count, self._codes = 0, Codes()
        self._matches = MatchModel(most)

    def append(self, step: Roll) -> None:
        """Take in a step [88] of 0 and 1."""
        self._steps[self._count] = step
        self._count += 1
        self._matches.append(self._codes[step])

    @property
    def predicted(self) -> Roll:
        """What followed the longest earlier passage that equals the last steps; silence where there is none."""
        place = self._matches.place
        return np.zeros(KEYS, dtype=np.uint8) if place is None else self._steps[place]

    @property
    def match(self) -> int:
        """Steps of that passage."""
        return self._matches.match


class Codes:
    """A number for each different step of a piece."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def __getitem__(self, step: Roll) -> int:
        return self._known.setdefault(np.packbits(step).tobytes(), len(self._known))


@dataclass(frozen=True, eq=False)
class RollInputs:
    """A piece with the predictions of the match model: `roll` and `predicted` [T, 88] of 0 and 1, `match` [T]."""

    roll: Roll
    predicted: Roll
    match: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.roll)

    def moved(self, semitones: int) -> RollInputs:
        """Transposed; no key may leave the keyboard."""
        return RollInputs(np.roll(self.roll, semitones, 1), np.roll(self.predicted, semitones, 1), self.match)


def inputs_of(roll: Roll) -> RollInputs:
    """The inputs of a roll [T, 88]."""
    codes = Codes()
    places, match = predictions([codes[step] for step in roll])
    return RollInputs(roll, roll[places] * (places >= 0)[:, None].astype(np.uint8), match)


def view(pieces: Sequence[RollInputs], spans: Sequence[tuple[int, int]]) -> View:
    """What comes before each step in `spans` (first step, step after the last; it may be empty) of `pieces`.

    Shorter spans are padded with silence at the end; there is one step at least.
    """
    longest = max(1, *(last - first for first, last in spans))
    shape = len(pieces), longest
    previous = np.zeros((*shape, KEYS), dtype=np.float32)
    predicted, match, position = np.zeros_like(previous), np.zeros(shape), np.zeros(shape, dtype=np.int64)
    for row, (piece, (first, last)) in enumerate(zip(pieces, spans, strict=True)):
        length, skipped = last - first, int(first == 0)
        previous[row, skipped:length] = piece.roll[first + skipped - 1 : max(last - 1, 0)]
        predicted[row, :length], match[row, :length] = piece.predicted[first:last], piece.match[first:last]
        position[row] = np.arange(first, first + longest)
    return View(*map(torch.from_numpy, (previous, predicted, match.astype(np.float32), position)))


def targets(pieces: Sequence[RollInputs], spans: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """The steps of `spans` themselves, [B, T, 88], and [B, T]: 1 where there is one, 0 in the padding."""
    longest = max(1, *(last - first for first, last in spans))
    keys = np.zeros((len(pieces), longest, KEYS), dtype=np.float32)
    inside = np.zeros((len(pieces), longest), dtype=np.float32)
    for row, (piece, (first, last)) in enumerate(zip(pieces, spans, strict=True)):
        keys[row, : last - first] = piece.roll[first:last]
        inside[row, : last - first] = 1
    return torch.from_numpy(keys), torch.from_numpy(inside)


# ------------------------------------------------------------------------- as numbers for a network


def clock(position: Tensor) -> Tensor:
    """Hands [..., 2 * len(PERIODS)] of clocks that go round once in each of PERIODS."""
    angle = 2 * torch.pi * position.unsqueeze(-1) / torch.tensor(PERIODS, device=position.device)
    return torch.cat([angle.sin(), angle.cos()], dim=-1).float()


def matches(match: Tensor) -> Tensor:
    """Which of MATCHES a passage reaches: [..., len(MATCHES)] of 0 and 1."""
    return (match.unsqueeze(-1) >= torch.tensor(MATCHES, device=match.device)).float()


def neighbours(keys: Tensor, reach: int) -> Tensor:
    """For each key those up to `reach` semitones below and above it: [..., K] to [..., K, 2 * reach + 1]."""
    return torch.nn.functional.pad(keys, (reach, reach)).unfold(-1, 2 * reach + 1, 1)


def pitch_classes(keys: Tensor) -> Tensor:
    """For each key how often each interval above it, octaves put together, sounds: [..., K] to [..., K, 12]."""
    count = keys.shape[-1]
    octaves = torch.unflatten(torch.nn.functional.pad(keys, (0, -count % 12)), -1, (-1, 12))
    folded = octaves.sum(dim=-2)
    key = torch.arange(count, device=keys.device)
    classes: Tensor = folded[..., (key.unsqueeze(1) + torch.arange(12, device=keys.device)) % 12]
    return classes


def below(keys: Tensor) -> Tensor:
    """For each key how many sound below it: [..., K] to [..., K]."""
    return keys.cumsum(dim=-1) - keys
