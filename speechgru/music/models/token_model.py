"""A token model from its file: it scores pieces; `sample_tokens.py` samples them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.music.files.piece import Piece
from speechgru.music.models import scoring, token_inputs
from speechgru.music.models.scores import SAMPLES, Score, number, span
from speechgru.music.models.scoring import UNSAVED, MusicHeader
from speechgru.music.models.token_inputs import TokenInputs
from speechgru.music.score.tokens import Encoding
from speechgru.utils.bootstrap import percentiles, resampled

KIND = "words"
AT_ONCE = 8192
"""Tokens that are scored at once."""


@dataclass(frozen=True, eq=False)
class TokenItem:
    """A piece as the numbers of its tokens, with as many `notes`."""

    id: str
    numbers: tuple[int, ...]
    notes: int
    encoding: Encoding

    @property
    def steps(self) -> int:
        """Tokens to predict; 0 where there is no note."""
        return len(self.numbers) if self.notes else 0

    @property
    def digest(self) -> str:
        """Hash of its content."""
        tokens = " ".join(self.encoding.tokens[number] for number in self.numbers)
        return hashlib.sha256(tokens.encode()).hexdigest()

    def fits(self, shift: int) -> bool:
        """Whether no note leaves the encoding's range when it is moved up by so many semitones."""
        pitches = self._pitches
        lowest, highest = self.encoding.settings.lowest, self.encoding.settings.highest
        return not pitches or (lowest <= min(pitches) + shift and max(pitches) + shift <= highest)

    @cached_property
    def _pitches(self) -> frozenset[int]:
        tokens = {self.encoding.tokens[number] for number in set(self.numbers)}
        return frozenset(int(token.split()[1]) for token in tokens if token.startswith("NOTE "))


def item(name: str, piece: Piece, encoding: Encoding) -> TokenItem:
    """A piece of a corpus in tokens.

    Raises:
        MusicError: a pitch, voice or metre has no token.
    """
    return TokenItem(name, tuple(encoding.encode(piece.notes)), len(piece.notes.pitched()), encoding)


@dataclass(frozen=True)
class TokenScore(Score):
    """Of a set of pieces: a row each of nats, tokens and notes in `table` [pieces, 3]."""

    table: tuple[tuple[float, int, int], ...]

    @cached_property
    def _sums(self) -> list[float]:
        return [float(value) for value in np.array(self.table).reshape(-1, 3).sum(axis=0)]

    @property
    def per_note(self) -> float:
        """Nats per note: whatever the encoding, the nats of a piece are shared out among its notes."""
        return self._sums[0] / self._sums[2] if self._sums[2] else math.nan

    @property
    def per_token(self) -> float:
        """Nats per token of the encoding."""
        return self._sums[0] / self._sums[1] if self._sums[1] else math.nan

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Of nats per note, 95 %, bootstrap over pieces."""
        nats, _, notes = resampled(np.array(self.table, dtype=np.float64), None, SAMPLES, 0).T
        return percentiles(nats[notes > 0] / notes[notes > 0])

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        nats, tokens, notes = self._sums
        return {
            "nats_per_note": self.per_note,
            "interval": list(self.interval),
            "nats_per_word": self.per_token,
            "nats": nats,
            "words": int(tokens),
            "notes": int(notes),
            "pieces": len(self.table),
        }

    def cells(self) -> dict[str, str]:
        """A row of a report, by column."""
        return {
            "nats per note": number(self.per_note),
            "95 % interval": span(self.interval),
            "nats per token": number(self.per_token),
            "pieces": f"{len(self.table):,}",
            "notes": f"{int(self._sums[2]):,}",
            "tokens": f"{int(self._sums[1]):,}",
        }

    def note(self) -> str:
        """How the row is to be read."""
        return (
            "Negative log-likelihood of whole pieces, with their keys, metres, bar lines and lengths, per note and per "
            "token of the encoding. Intervals: bootstrap over pieces."
        )


class TokenModel:
    """Scores pieces. Make one with `load_token_model`.

    Attributes:
        network: one of KIND "words" of speechgru/music/models.
        encoding: its tokens.
        header: what its file says about it.
    """

    def __init__(self, network: Any, header: MusicHeader = UNSAVED) -> None:
        self.network, self.header = network, header
        self.encoding: Encoding = network.encoding

    def score(self, items: Sequence[TokenItem], inputs: Sequence[TokenInputs] | None = None) -> TokenScore:
        """Exact likelihood of each piece, in full precision.

        Args:
            inputs: the inputs of the pieces, where they are known already.
        """
        inputs = (
            [token_inputs.inputs_of(each.numbers, self.encoding) for each in items]
            if inputs is None
            else inputs
        )
        nats = scoring.nats(self.network, inputs, token_inputs, AT_ONCE)
        return TokenScore(
            tuple((sum(own), each.steps, each.notes) for each, own in zip(items, nats, strict=True))
        )


def load_token_model(path: str | Path, device: str = "cpu") -> TokenModel:
    """Load what `speechgru train` wrote for a recipe of tokens.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    return TokenModel(*scoring.load_network(path, KIND, device))
