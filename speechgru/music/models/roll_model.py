"""A model of piano rolls from its file: it scores pieces; `sample_rolls.py` samples them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from speechgru.music.models import roll_inputs, scoring
from speechgru.music.models.likelihood import PieceScore
from speechgru.music.models.roll_inputs import RollInputs
from speechgru.music.models.scores import RollScore
from speechgru.music.models.scoring import UNSAVED, MusicHeader
from speechgru.music.score.piano_roll import KEYS, Roll

KIND = "roll"
AT_ONCE = 2048
"""Steps that are scored at once."""


class HasRoll(Protocol):
    """A piece as a roll: [steps, 88] of 0 and 1, the lowest key first."""

    @property
    def id(self) -> str: ...
    @property
    def roll(self) -> Roll: ...


@dataclass(frozen=True, eq=False)
class RollItem:
    """A roll to learn from."""

    id: str
    roll: Roll

    @property
    def steps(self) -> int:
        """How many it has."""
        return len(self.roll)

    @property
    def digest(self) -> str:
        """Hash of its content."""
        return hashlib.sha256(self.roll.tobytes()).hexdigest()

    def fits(self, shift: int) -> bool:
        """Whether no key leaves the keyboard when it is moved up by so many semitones."""
        sounding = np.flatnonzero(self.roll.any(axis=0))
        return not len(sounding) or bool(-sounding[0] <= shift < KEYS - sounding[-1])


class RollModel:
    """Scores pieces. Make one with `load_roll_model`.

    Attributes:
        network: one of KIND "roll" of speechgru/music/models.
        header: what its file says about it.
    """

    def __init__(self, network: Any, header: MusicHeader = UNSAVED) -> None:
        self.network, self.header = network, header

    def score(self, pieces: Sequence[HasRoll], inputs: Sequence[RollInputs] | None = None) -> RollScore:
        """Exact likelihood of each piece, in full precision.

        Args:
            inputs: the inputs of the pieces, where they are known already.
        """
        inputs = [roll_inputs.inputs_of(piece.roll) for piece in pieces] if inputs is None else inputs
        nats = scoring.nats(self.network, inputs, roll_inputs, AT_ONCE)
        return RollScore(
            tuple(PieceScore(p.id, *own, len(p.roll)) for p, own in zip(pieces, nats, strict=True))
        )


def load_roll_model(path: str | Path, device: str = "cpu") -> RollModel:
    """Load what `speechgru train` wrote for a recipe of piano rolls.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    return RollModel(*scoring.load_network(path, KIND, device))
