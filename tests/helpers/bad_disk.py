"""Files on a disk that fails: from a byte on they can't be read."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class Failing(io.FileIO):
    """A file whose bytes from `bad` on can't be read: `error` is raised, by default EIO."""

    def __init__(self, path: str | Path, bad: int = 1 << 60, error: Exception | None = None) -> None:
        super().__init__(os.fspath(path))
        self.bad, self.error = bad, error or OSError(errno.EIO, os.strerror(errno.EIO))

    def read(self, size: int | None = -1) -> bytes:
        end = os.fstat(self.fileno()).st_size if size is None or size < 0 else self.tell() + size
        if size != 0 and end > self.bad:
            raise self.error
        return super().read(size)

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Pipe(Failing):
    """The same, and it can't seek."""

    def seekable(self) -> bool:
        return False


@contextmanager
def bad_paths() -> Iterator[dict[str, int]]:
    """Paths of files that can't be read from the byte on that is their value, however Python opens them."""
    bad: dict[str, int] = {}
    real = io.open

    def opened(path: Any, mode: str = "r", buffering: int = -1, *rest: Any, **more: Any) -> Any:
        if isinstance(path, int) or os.fspath(path) not in bad or mode not in ("r", "rb", "rt"):
            return real(path, mode, buffering, *rest, **more)
        file = io.BufferedReader(Failing(path, bad[os.fspath(path)]))
        return file if "b" in mode else io.TextIOWrapper(file, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtins, "open", opened)
        patch.setattr(io, "open", opened)
        yield bad
