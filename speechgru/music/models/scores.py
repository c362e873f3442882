"""How well a model predicts pieces, in the field's conventions (likelihood.py), with intervals."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from speechgru.music.models.likelihood import CONVENTIONS, PieceScore, rates, table
from speechgru.utils.bootstrap import percentiles, resampled
from speechgru.utils.tables import columns

SAMPLES = 2000


class Score(ABC):
    """What a model scores on a set, with all its figures in `cells`."""

    @abstractmethod
    def cells(self) -> dict[str, str]:
        """A row of a report, by column."""

    def details(self) -> str:
        """Nothing that a row can't say."""
        return ""

    def describe(self) -> str:
        """A few lines for people."""
        return columns(self.cells())


@dataclass(frozen=True)
class RollScore(Score):
    """Of a set of pieces. `nats` and `intervals` (95 %, bootstrap over pieces) are by convention."""

    pieces: tuple[PieceScore, ...]

    @cached_property
    def nats(self) -> dict[str, float]:
        """Nats per step."""
        return {name: float(value) for name, value in rates(table(self.pieces).sum(axis=0)).items()}

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Of each."""
        drawn = rates(resampled(table(self.pieces), None, SAMPLES, 0))
        return {name: percentiles(values[~(values != values)]) for name, values in drawn.items()}

    @property
    def steps(self) -> int:
        """Of all pieces."""
        return sum(piece.steps for piece in self.pieces)

    def only(self, ids: Sequence[str]) -> RollScore:
        """Of the pieces with these ids alone."""
        wanted = set(ids)
        return RollScore(tuple(piece for piece in self.pieces if piece.id in wanted))

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "nats_per_step": self.nats["rest"],
            **{f"nats_{name}": value for name, value in self.nats.items()},
            **{f"interval_{name}": list(ends) for name, ends in self.intervals.items()},
            "pieces": len(self.pieces),
            "steps": self.steps,
            "by_piece": {
                p.id: {"first": round(p.first, 4), "rest": round(p.rest, 4), "steps": p.steps}
                for p in self.pieces
            },
        }

    def cells(self) -> dict[str, str]:
        """A row of a report, by column."""
        return {
            "nats per step": number(self.nats["rest"]),
            "95 % interval": span(self.intervals["rest"]),
            CONVENTIONS["all"]: number(self.nats["all"]),
            CONVENTIONS["mean"]: number(self.nats["mean"]),
            "pieces": f"{len(self.pieces):,}",
            "steps": f"{self.steps:,}",
        }

    def note(self) -> str:
        """How the row is to be read."""
        return (
            "Negative log-likelihood, summed over 88 keys; nats per step: steps 2 to T of each piece, pooled (Bai et "
            "al. 2018). Intervals: bootstrap over pieces."
        )


def number(value: float) -> str:
    """Three decimals, or `undefined`."""
    return "undefined" if math.isnan(value) else f"{value:.3f}"


def span(ends: tuple[float, float]) -> str:
    """`4.812 to 5.110`, or `none`."""
    low, high = ends
    return "none" if math.isnan(low) or math.isnan(high) else f"{low:.3f} to {high:.3f}"
