"""How well a detector's frames agree with where somebody speaks: precision, recall, F1 and false alarms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.segments import Mask
from speechgru.evaluation.recognition import interval_text, percent
from speechgru.utils.bootstrap import are_blocks, ratio_interval, resampled
from speechgru.utils.tables import columns, table
from speechgru.vad.labels import GRID_SECONDS

RESAMPLES = 1000
Counts = NDArray[np.float64]  # [..., 4]: detected speech, false alarms, missed speech, the rest


@dataclass(frozen=True)
class Agreement:
    """Steps of 10 ms of a set's stretches by what they are and what they were taken for.

    Attributes:
        counts: [stretches, 4], as `count` makes them.
        conditions: of each stretch, as a report calls it.
        interval: of F1, 95 %, percentile bootstrap `over` speakers or stretches.
    """

    counts: Counts
    conditions: tuple[str, ...]
    interval: tuple[float, float]
    over: str

    @property
    def total(self) -> Counts:
        """The counts of the whole set, [4]."""
        total: Counts = self.counts.sum(axis=0)
        return total

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            **measures(self.total),
            "interval": list(self.interval),
            "interval_over": self.over,
            "hours": round(float(self.total.sum()) * GRID_SECONDS / 3600, 4),
            "conditions": {name: measures(counts) for name, counts in self._by_condition().items()},
        }

    def cells(self) -> dict[str, str]:
        """Its row in a report, by column."""
        return {
            **_cells(self.total),
            "95 % interval of F1": interval_text(self.interval),
            "taken over": self.over,
            "hours": f"{self.total.sum() * GRID_SECONDS / 3600:.2f}",
        }

    def note(self) -> str:
        """How the row is to be read."""
        return (
            "Counted in steps of 10 ms: precision is the share of what was taken for speech that is speech, recall the "
            "share of speech that is detected, F1 their harmonic mean, false alarms the share of the rest that is "
            "taken for speech. The interval is a percentile bootstrap."
        )

    def details(self) -> str:
        """The same by condition, as a table in Markdown; empty where there is one only."""
        parts = self._by_condition()
        if len(parts) < 2:
            return ""
        rows = [(name, *_cells(counts).values()) for name, counts in parts.items()]
        return table(("noise", *_cells(self.total)), rows)

    def describe(self) -> str:
        """A few lines for people."""
        return f"{columns(self.cells())}\n{self.details()}"

    def _by_condition(self) -> dict[str, Counts]:
        of = np.array(self.conditions)
        return {name: self.counts[of == name].sum(axis=0) for name in dict.fromkeys(self.conditions)}


def count(detected: Mask, spoken: Mask) -> Counts:
    """[4] of two masks [grid] of which one may be a step longer."""
    size = min(len(detected), len(spoken))
    detected, spoken = detected[:size], spoken[:size]
    parts = (detected & spoken, detected & ~spoken, ~detected & spoken, ~detected & ~spoken)
    return np.array([part.sum() for part in parts], np.float64)


def measures(counts: Counts) -> dict[str, float]:
    """precision, recall, f1 and false_alarms of counts [4], each in [0, 1]; NaN where there is nothing to divide by."""
    right, false, missed, rest = counts.tolist()
    return {
        "precision": _share(right, right + false),
        "recall": _share(right, right + missed),
        "f1": _share(2 * right, 2 * right + false + missed) if right + missed else math.nan,
        "false_alarms": _share(false, false + rest),
    }


def summarise(
    counts: Sequence[Counts], conditions: Sequence[str], speakers: Sequence[str], seed: int = 0
) -> Agreement:
    """Put the stretches of a set together; speakers are drawn for the interval, or stretches where they are few."""
    rows = np.array(counts)
    by_speaker = are_blocks(speakers)
    right, false, missed, _ = resampled(rows, speakers if by_speaker else None, RESAMPLES, seed).T
    interval = ratio_interval(2 * right, np.where(right + missed > 0, 2 * right + false + missed, 0))
    over = f"{len(set(speakers))} speakers" if by_speaker else f"{len(rows)} stretches"
    return Agreement(rows, tuple(conditions), interval, over)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _cells(counts: Counts) -> dict[str, str]:
    return {name.replace("f1", "F1").replace("_", " "): percent(v) for name, v in measures(counts).items()}
