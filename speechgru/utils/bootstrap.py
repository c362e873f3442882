"""Percentile bootstrap intervals (Bisani and Ney, 2004): resampled by speaker where these are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

MIN_SPEAKERS = 10


CONFIDENCE = 0.95


_MAX_CELLS = 2_000_000  # resampling weights in memory at once: 16 MB


def are_blocks(speakers: Sequence[str]) -> bool:
    """Whether speakers are known and many enough to be drawn whole."""
    return all(speakers) and len(set(speakers)) >= MIN_SPEAKERS


def resampled(table: np.ndarray, groups: Sequence[str] | None, samples: int, seed: int) -> np.ndarray:
    """Column sums of resamples of `table` [utterances, columns]: [samples, columns].

    Whole groups are drawn with replacement, each row alone where `groups` is None. A single group has no spread to
    measure: no samples.
    """
    if groups is not None:
        _, index = np.unique(np.asarray(groups), return_inverse=True)
        sums = np.zeros((index.max() + 1, table.shape[1]))
        np.add.at(sums, index, table)
        table = sums
    if len(table) < 2:
        return np.zeros((0, table.shape[1]))
    rng = np.random.default_rng(seed)
    chunk = max(1, _MAX_CELLS // len(table))
    drawn = []
    for start in range(0, samples, chunk):
        # How often each group is drawn is all that matters for a sum, so draw the counts themselves.
        times = rng.multinomial(
            len(table), np.full(len(table), 1 / len(table)), size=min(chunk, samples - start)
        )
        drawn.append(times @ table)
    return np.concatenate(drawn)


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """The interval that holds `CONFIDENCE` of `values`; (NaN, NaN) without any."""
    if not len(values):
        return math.nan, math.nan
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def ratio_interval(errors: np.ndarray, totals: np.ndarray) -> tuple[float, float]:
    """Percentile interval of errors / totals; a resample without any reference unit has no rate and is left out."""
    kept = totals > 0
    return percentiles(errors[kept] / totals[kept])
