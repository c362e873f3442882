"""Weights of one order as small codes into a table of values."""

from __future__ import annotations

import numpy as np

from speechgru.lm.table import NEVER

_ROUNDS = 60


def codebook(weights: np.ndarray, bits: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes int64 `[weights]` and the values float32 `[codes]` they stand for, rising.

    Exact where there are at most `2**bits` different weights (or `bits` is None); otherwise with little squared
    error: Lloyd (1982), "Least squares quantization in PCM", method I.
    """
    weights = weights.astype(np.float32)
    values, codes = np.unique(weights, return_inverse=True)
    if bits is None or len(values) <= 1 << bits:
        return codes.astype(np.int64), values
    counts = np.bincount(codes, minlength=len(values))
    bins = np.zeros(len(values), np.int64)
    # What never happens has a bin of its own, or most bins would lie between it and the rest.
    real = values > NEVER / 2
    bins[real] = 1 + _bins(values[real].astype(np.float64), counts[real], (1 << bits) - 1)
    _, compact = np.unique(bins, return_inverse=True)
    sums = np.bincount(compact, counts * values.astype(np.float64))
    means = (sums / np.bincount(compact, counts)).astype(np.float32)
    return compact[codes].astype(np.int64), means


def _bins(values: np.ndarray, counts: np.ndarray, most: int) -> np.ndarray:
    """The bin in [0, most) of each of the sorted, different `values`."""
    ranks = np.cumsum(counts) / counts.sum()
    # Half the bins to begin with go where most weights are, half evenly over all but the gaps: the few far out
    # matter too.
    gaps = np.diff(values, prepend=values[0])
    spread = np.cumsum(np.minimum(gaps, 2 * (values[-1] - values[0]) / most))
    spread /= spread[-1]
    centres = np.interp((np.arange(most) + 0.5) / most, (ranks + spread) / 2, values)
    numbers = np.concatenate([[0], np.cumsum(counts)])
    sums = np.concatenate([[0.0], np.cumsum(counts * values)])
    for _ in range(_ROUNDS):
        cuts = np.concatenate([[0], np.searchsorted(values, (centres[1:] + centres[:-1]) / 2), [len(values)]])
        size = np.diff(numbers[cuts])
        centres = np.where(size > 0, np.diff(sums[cuts]) / np.maximum(size, 1), centres)
    bins: np.ndarray = np.searchsorted((centres[1:] + centres[:-1]) / 2, values, side="right")
    return bins
