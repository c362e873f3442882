"""Arrays that live in a temporary folder once they are large, so that counting isn't bound by memory."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from types import TracebackType

import numpy as np

IN_MEMORY = 256 << 20
"""Bytes from which an array is a file."""


class Scratch:
    """Makes arrays; as a context manager it deletes those on disk at the end.

    Large arrays are memory-mapped files of `folder` (default: the system's temporary one), which the operating
    system writes out when memory runs short.
    """

    def __init__(self, folder: str | Path | None = None, in_memory: int = IN_MEMORY) -> None:
        self.in_memory = in_memory
        self._made = 0
        self._folder = tempfile.TemporaryDirectory(prefix="speechgru-lm-", dir=folder)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def path(self) -> Path:
        """A new file's name in the folder."""
        self._made += 1
        return Path(self._folder.name) / f"{self._made}.bin"

    def zeros(self, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
        """An array of zeros, in memory or on disk by its size; a plain `numpy.ndarray` either way."""
        if math.prod(shape) * np.dtype(dtype).itemsize <= self.in_memory:
            return np.zeros(shape, dtype)
        return np.asarray(np.memmap(self.path(), dtype, "w+", shape=shape))
