"""Part of a file as a file of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class Part:
    """Bytes [start, end) of a file that are a sound file of their own, behind `prefix`: a header that stands for the
    file's own where that is wrong."""

    start: int
    end: int
    prefix: bytes = b""


def size_of(file: BinaryIO) -> int:
    """Bytes in `file`."""
    file.seek(0, os.SEEK_END)
    return file.tell()  # spooled files return nothing from seek before Python 3.11


def read_at(file: BinaryIO, position: int, length: int) -> bytes:
    """Up to `length` bytes of `file` from `position` on; none where a damaged header makes `length` negative."""
    file.seek(position)
    return file.read(max(length, 0))


class Window:
    """`part` of `file`, front to back or anywhere; several windows may share one file."""

    def __init__(self, file: BinaryIO, part: Part) -> None:
        self._file, self._part = file, part
        self._size = len(part.prefix) + part.end - part.start
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of a file; before the start raises ValueError."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative position {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The position, from the start of the part."""
        return self._position

    def read(self, length: int = -1) -> bytes:
        """Up to `length` bytes, all that is left where it is negative."""
        left = max(self._size - self._position, 0)
        length = left if length < 0 else min(length, left)
        head = self._part.prefix[self._position : self._position + length]
        behind = max(self._position - len(self._part.prefix), 0)
        self._position += length
        if len(head) == length:
            return head
        return head + read_at(self._file, self._part.start + behind, length - len(head))

    def close(self) -> None:
        """Leave the file open: others may read it."""
