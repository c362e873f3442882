"""How well punctuation and capitals are restored: precision, recall and F1 of each mark, and of capitals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.inference import Punctuator
from speechgru.text.punctuation import LOWER, MARKS, Tagged
from speechgru.utils.tables import columns, table

NAMES = ("comma", "full stop", "question mark", "capitals")


@dataclass(frozen=True)
class Restoration:
    """Counts of a set: `right`, `wanted` and `made` [comma, full stop, question mark, capitals], of so many `words`."""

    right: NDArray[np.int64]
    wanted: NDArray[np.int64]
    made: NDArray[np.int64]
    words: int

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of what was made that is right; 0 where nothing was."""
        return self.right / np.maximum(self.made, 1)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of what was wanted that was made; 0 where nothing was."""
        return self.right / np.maximum(self.wanted, 1)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall; 0 where there is neither."""
        mean: NDArray[np.float64] = 2 * self.right / np.maximum(self.made + self.wanted, 1)
        return mean

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        parts = zip(NAMES, self.precision, self.recall, self.f1, self.wanted)
        figures = {
            name: {
                "precision": round(float(p), 5),
                "recall": round(float(r), 5),
                "f1": round(float(f), 5),
                "count": int(n),
            }
            for name, p, r, f, n in parts
        }
        return {"words": self.words, **figures}

    def cells(self) -> dict[str, str]:
        """Its row in a report, by column."""
        return {**{f"F1 {n}": f"{100 * f:.1f} %" for n, f in zip(NAMES, self.f1)}, "words": f"{self.words:,}"}

    def note(self) -> str:
        """How the row is to be read."""
        return (
            "F1 of each mark at its place behind a word, and of capitals (first letters or whole words, those at the "
            "beginning of sentences among them). Semicolons, colons and dashes count as commas, exclamation marks as "
            "full stops or, within a sentence, as commas."
        )

    def details(self) -> str:
        """Precision and recall as a table in Markdown."""
        rows = [
            (name, f"{100 * p:.1f} %", f"{100 * r:.1f} %", f"{100 * f:.1f} %", f"{n:,}")
            for name, p, r, f, n in zip(NAMES, self.precision, self.recall, self.f1, self.wanted)
        ]
        return table(("", "precision", "recall", "F1", "in the text"), rows)

    def describe(self) -> str:
        """A few lines for people."""
        return columns(self.cells())


def counted(wanted: NDArray[np.int64], made: NDArray[np.int64]) -> Restoration:
    """Compare tags [words, 2] (mark, case) with those that are wanted."""
    right, asked, given = [], [], []
    for mark in range(1, len(MARKS)):
        is_wanted, is_made = wanted[:, 0] == mark, made[:, 0] == mark
        right.append(int((is_wanted & is_made).sum()))
        asked.append(int(is_wanted.sum()))
        given.append(int(is_made.sum()))
    is_wanted, is_made = wanted[:, 1] != LOWER, made[:, 1] != LOWER
    right.append(int((is_wanted & (wanted[:, 1] == made[:, 1])).sum()))
    asked.append(int(is_wanted.sum()))
    given.append(int(is_made.sum()))
    return Restoration(np.array(right), np.array(asked), np.array(given), len(wanted))


def evaluate(
    punctuator: Punctuator, text: Sequence[Tagged], pauses: Sequence[float] | None = None
) -> Restoration:
    """Take marks and capitals from `text`, restore them, compare. `pauses`: seconds behind each word, if known."""
    made = punctuator.tag([each.word for each in text], pauses)
    return counted(np.array([each[1:] for each in text]), np.array([each[1:] for each in made]))
