"""Weights of one order as small codes into a table of values."""

from __future__ import annotations

import numpy as np

from speechgru.lm.table import NEVER

# Of the histogram that stands for the density; with more of them, each would hold a weight or none.
_CELLS = 1 << 10


def codebook(weights: np.ndarray, bits: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes int64 `[weights]` and the values float32 `[codes]` they stand for, rising.

    Exact where there are at most `2**bits` different weights (or `bits` is None). Otherwise a bin's value is the
    mean of its weights, and bins are as dense as the cube root of the weights' density, which makes the mean
    squared error least: Panter and Dite (1951), "Quantization distortion in pulse-count modulation with
    nonuniform spacing of levels".
    """
    weights = weights.astype(np.float32)
    values, codes = np.unique(weights, return_inverse=True)
    if bits is None or len(values) <= 1 << bits:
        return codes.astype(np.int64), values
    counts = np.bincount(codes, minlength=len(values))
    bins = np.zeros(len(values), np.int64)
    # What never happens has a bin of its own, or most bins would lie between it and the rest.
    real = values > NEVER / 2
    bins[real] = 1 + _bins(values[real], counts[real], (1 << bits) - 1)
    _, compact = np.unique(bins, return_inverse=True)
    sums = np.bincount(compact, counts * values.astype(np.float64))
    means = (sums / np.bincount(compact, counts)).astype(np.float32)
    return compact[codes].astype(np.int64), means


def _bins(values: np.ndarray, counts: np.ndarray, most: int) -> np.ndarray:
    """The bin in [0, most) of each of the sorted `values`."""
    density, edges = np.histogram(values, _CELLS, weights=counts)
    place = np.interp(values, edges, np.concatenate([[0.0], np.cumsum(np.cbrt(density))]))
    bins: np.ndarray = np.minimum(place / place[-1] * most, most - 1).astype(np.int64)
    return bins
