"""Numbers of any width side by side in an array of 64-bit words, lowest bits first."""

from __future__ import annotations

import numpy as np
from numba import njit

from speechgru.utils.jit import compiled

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
