"""MAT-files of level 5 (MathWorks, "MAT-File Format"), as far as piano rolls need them: cells of numeric arrays.

Read by hand: SciPy's reader ends the whole process at some damaged files (a segmentation fault; docs/robustness.md).
Sizes are checked before anything is made of them.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = 128
_ARRAY, _PACKED = 14, 15
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CELL, _NUMERIC = 1, range(6, 16)
_COMPLEX, _MOST_AXES = 0x0800, 8
_MOST_CELLS = 100_000
LARGEST = 1 << 29
"""Bytes that a file may unpack to."""

Array = NDArray[Any]


def read(data: bytes, names: Collection[str]) -> dict[str, list[Array]]:
    """The arrays in each of the cell arrays that are called one of `names`, in MATLAB's order (by column).

    Raises:
        ValueError: no MAT-file of level 5, a damaged one, or other things than numbers in the cells.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER])
    if order is None:
        raise ValueError("no MAT-file of level 5")
    cells: dict[str, list[Array]] = {}
    left = LARGEST
    for kind, body in _elements(memoryview(data)[_HEADER:], order):
        if kind == _PACKED:
            unpacked = _unpacked(body, left)
            left -= len(unpacked)
            kind, body = next(_elements(memoryview(unpacked), order), (0, body))
        if kind == _ARRAY:
            cells |= _variable(body, order, names)
    return cells


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """The type and the bytes of each element."""
    place = 0
    while place + 8 <= len(data):
        kind, size = (int(number) for number in np.frombuffer(data[place : place + 8], f"{order}u4"))
        start = place + 8
        if kind >> 16:  # a small one, of up to four bytes, within its tag
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
            if size > 4:
                raise ValueError("a small element has more than four bytes")
        if start + size > len(data):
            raise ValueError("it is cut off")
        yield kind, data[start : start + size]
        place = (
            start + size
            if kind == _PACKED
            else place + 8
            if start == place + 4
            else start + (size + 7) // 8 * 8
        )


def _unpacked(body: memoryview, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(body, most)
    except zlib.error as error:
        raise ValueError(f"damaged: {error}") from error
    if unpacker.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {LARGEST} bytes")
    if not unpacker.eof:
        raise ValueError("it is cut off")
    return unpacked


def _head(parts: Iterator[tuple[int, memoryview]], order: str) -> tuple[int, tuple[int, ...], str]:
    """The class, the shape and the name of an array."""
    try:
        flags, shape, name = (np.frombuffer(body, f"{order}{_TYPES[kind]}") for kind, body in _three(parts))
    except KeyError as error:
        raise ValueError(f"an element of type {error} where an array begins") from error
    if len(flags) != 2 or int(flags[0]) & _COMPLEX:
        raise ValueError("flags of an array that make no sense here")
    if not 2 <= len(shape) <= _MOST_AXES or (shape < 0).any():
        raise ValueError(f"an array of shape {shape.tolist()[:_MOST_AXES]}")
    return int(flags[0]) & 0xFF, tuple(map(int, shape)), name.tobytes().decode("latin-1")


def _three(parts: Iterator[tuple[int, memoryview]]) -> list[tuple[int, memoryview]]:
    first = [part for _, part in zip(range(3), parts)]
    if len(first) < 3:
        raise ValueError("an array without its head")
    return first


def _variable(body: memoryview, order: str, names: Collection[str]) -> dict[str, list[Array]]:
    """The arrays of a variable that is wanted, by its name; nothing of another one."""
    parts = _elements(body, order)
    kind, shape, name = _head(parts, order)
    if name not in names:
        return {}
    if kind != _CELL:
        raise ValueError(f"{name} is no cell array")
    count = math.prod(shape)
    if count > _MOST_CELLS:
        raise ValueError(f"{name} has {count} cells")
    inside = [part for _, part in zip(range(count), parts)]
    if len(inside) < count or any(element != _ARRAY for element, _ in inside):
        raise ValueError(f"{name} has {len(inside)} arrays; its shape says {count}")
    return {name: [_numbers(part, order) for _, part in inside]}


def _numbers(body: memoryview, order: str) -> Array:
    """A numeric array. It may be stored as a smaller type than its class."""
    if not len(body):
        return np.zeros((0, 0))
    parts = _elements(body, order)
    kind, shape, _ = _head(parts, order)
    element, content = next(parts, (0, body[:0]))
    if kind not in _NUMERIC or element not in _TYPES:
        raise ValueError(f"an array of class {kind}, stored as {element}; expected numbers")
    stored = np.dtype(f"{order}{_TYPES[element]}")
    if len(content) != math.prod(shape) * stored.itemsize:
        raise ValueError(f"an array of {len(content)} bytes; its shape {list(shape)} asks for others")
    return np.frombuffer(content, stored).reshape(shape, order="F")
