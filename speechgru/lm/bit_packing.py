"""Numbers of any width side by side in an array of 64-bit words, lowest bits first; weights as codes into a table."""

from __future__ import annotations

import numpy as np
from numba import njit

from speechgru.lm.table import NEVER
from speechgru.utils.jit import compiled

_ROUNDS = 60
Index = int | np.int64
"""A whole number in compiled code, where Python's and NumPy's are one."""

_ONE = np.uint64(1)


@njit
def field(bits: np.ndarray, position: Index, width: Index) -> Index:
    """The number in the `width` bits (0 to 63) from bit `position` of `bits` (uint64 `[words]`)."""
    word = position >> 6
    shift = np.uint64(position & 63)
    value = bits[word] >> shift
    if (position & 63) + width > 64:
        value |= bits[word + 1] << (np.uint64(64) - shift)
    number: Index = np.int64(value & ((_ONE << np.uint64(width)) - _ONE))
    return number


@compiled(__file__)
def _fill(bits: np.ndarray, values: np.ndarray, offset: int, width: int, record: int) -> None:
    for i in range(len(values)):
        position = i * record + offset
        word = position >> 6
        shift = np.uint64(position & 63)
        value = np.uint64(values[i])
        bits[word] |= value << shift
        if (position & 63) + width > 64:
            bits[word + 1] |= value >> (np.uint64(64) - shift)


def words_needed(records: int, record: int) -> int:
    """64-bit words that hold `records` records of `record` bits."""
    return (records * record + 63) // 64


def pack(columns: list[np.ndarray], widths: list[int]) -> np.ndarray:
    """Records of one number of each column, in the columns' order; uint64 `[words_needed]`.

    Args:
        columns: whole numbers `[records]`, each in [0, 2**width).
    """
    records, record = len(columns[0]), sum(widths)
    bits = np.zeros(words_needed(records, record), np.uint64)
    offset = 0
    for column, width in zip(columns, widths):
        assert len(column) == records and (records == 0 or 0 <= column.min() <= column.max() < 1 << width)
        _fill(bits, column.astype(np.int64), offset, width, record)
        offset += width
    return bits


def width_of(largest: int) -> int:
    """Bits that numbers up to `largest` need; at least 1."""
    return max(1, int(largest).bit_length())


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
