"""Whether confidences mean what they say: calibration error, reliability table, AUC, expected against real WER."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from speechgru.utils import json_text

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Words of similar confidence: how many, their mean confidence, and the share that is right."""

    count: int
    confidence: float
    accuracy: float


def reliability(confidences: ArrayLike, right: ArrayLike, bins: int = BINS) -> tuple[Bin, ...]:
    """Words sorted by confidence and cut into `bins` of equal size (as near as may be; fewer than words).

    Args:
        confidences: [words], in [0, 1].
        right: [words], whether each is right.
    """
    sure, correct = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, max(min(bins, len(order)), 1))
    return tuple(Bin(len(p), float(sure[p].mean()), float(correct[p].mean())) for p in parts if len(p))


def calibration_error(confidences: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: |confidence - accuracy| of the bins of `reliability`, weighted by size.

    With bins of equal mass rather than width (Nguyen and O'Connor 2015). In [0, 1]; NaN without words.

    >>> calibration_error([0.9, 0.9, 0.1, 0.1], [1, 0, 0, 0], bins=2)
    0.25
    """
    table = reliability(confidences, right, bins)
    total = sum(b.count for b in table)
    return sum(b.count * abs(b.confidence - b.accuracy) for b in table) / total if total else math.nan


def auc(confidences: ArrayLike, right: ArrayLike) -> float:
    """Probability that a right word is surer than a wrong one, ties counting half; NaN where all are alike."""
    sure, correct = np.asarray(confidences, np.float64), np.asarray(right, bool)
    wrong, good = np.sort(sure[~correct]), sure[correct]
    if not len(wrong) or not len(good):
        return math.nan
    below = np.searchsorted(wrong, good, "left") + np.searchsorted(wrong, good, "right")
    return float(below.sum() / (2 * len(wrong) * len(good)))


@dataclass(frozen=True)
class Reliability:
    """How far confidences and expected error rates can be trusted; NaN where there is nothing to measure.

    words, calibration_error, auc: of the words that were recognised.
    files: with an expected WER and a real one. Of these: `expected_wer`, pooled; and over files, each counting
    the same, `correlation` (Pearson's) of expected with real WER and their `mean_absolute_error`.
    """

    words: int
    calibration_error: float
    auc: float
    files: int
    expected_wer: float
    correlation: float
    mean_absolute_error: float

    def to_dict(self) -> dict[str, Any]:
        """Every field, ready for JSON: what is undefined is None."""
        return json_text.defined(self)

    def describe(self) -> dict[str, str]:
        """What to tell people of confidence and of expected WER, by name; nothing of what there isn't."""
        lines = {}
        if self.words:
            lines["confidence"] = (
                f"calibration error {100 * self.calibration_error:.1f} %, AUC {self.auc:.3f}"
            )
        if self.files:
            lines["expected WER"] = (
                f"{100 * self.expected_wer:.2f} %; a file's is {100 * self.mean_absolute_error:.1f} % from the "
                f"real one on average, correlation {self.correlation:.2f}, {self.files} files"
            )
        return lines


def measure(words: Sequence[tuple[float, bool]], files: Sequence[tuple[float, float, int]]) -> Reliability:
    """Measure (confidence, is it right) of `words`, and (expected WER, real WER, recognised words) of `files`."""
    sure, right = [c for c, _ in words], [r for _, r in words]
    table = np.array(files, np.float64).reshape(-1, 3)
    expected, real, sizes = table.T
    varied = len(table) > 1 and expected.std() > 0 and real.std() > 0
    return Reliability(
        words=len(words),
        calibration_error=calibration_error(sure, right),
        auc=auc(sure, right),
        files=len(files),
        expected_wer=float(expected @ sizes / sizes.sum()) if sizes.sum() else math.nan,
        correlation=float(np.corrcoef(expected, real)[0, 1]) if varied else math.nan,
        mean_absolute_error=float(np.abs(expected - real).mean()) if len(table) else math.nan,
    )
