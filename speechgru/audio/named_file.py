"""A recording's bytes, whose failures can't be taken for its end: an error of the disk has the recording's name."""

from __future__ import annotations

import errno
import os
import select
from typing import BinaryIO

from speechgru.errors import AudioError

_PIECE = 1 << 20


class UnreadableError(AudioError):
    """The disk, the connection or the pipe that a recording comes from failed in the midst of it."""


def unreadable(name: str, position: int | None, error: OSError) -> UnreadableError:
    """The error that says where `name` could not be read; `position` in bytes, None where it isn't known."""
    at = "" if position is None else f" at byte {position:,}"
    why = error.strerror or str(error) or type(error).__name__
    return UnreadableError(
        f"{name} can't be read{at}: {why}. This is no damage of the recording: the disk, or the connection to it, "
        "failed. Copy the file to another disk, and try again.",
        source=name,
    )


class NamedFile:
    """`file`, which can seek; an OSError in reading it is an `UnreadableError` with `name`."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self.name = file, name

    def read(self, length: int = -1) -> bytes:
        """Up to `length` bytes, all that is left where it is negative.

        Raises:
            UnreadableError: the disk fails.
        """
        position = self._file.tell()
        try:
            return self._file.read(length)
        except OSError as error:
            raise unreadable(self.name, position, error) from error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of a file.

        Raises:
            ValueError: before the start. UnreadableError: the disk fails.
        """
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise ValueError(f"position {offset} from {whence} is before the start") from error
            raise unreadable(self.name, None, error) from error

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_through(path: str, name: str, start: int = 0, end: int | None = None) -> None:
    """Read bytes [start, end) of the file at `path`, where it is still there: a program that read them before may have
    taken a failing disk for the end.

    Raises:
        UnreadableError: the disk fails.
    """
    try:
        opened = open(path, "rb")  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(name, None, error) from error
    with opened:
        file = NamedFile(opened, name)
        position, last = file.seek(start), os.fstat(opened.fileno()).st_size if end is None else end
        while position < last and (piece := file.read(min(_PIECE, last - position))):
            position += len(piece)


def copy(source: BinaryIO, target: BinaryIO, name: str) -> None:
    """All of `source`, which is called `name`, into `target`, a temporary file.

    Raises:
        UnreadableError: `source` fails. AudioError: there is no room for the copy.
    """
    done = 0
    while True:
        try:
            piece: bytes | None = source.read(_PIECE)
        except OSError as error:
            raise unreadable(name, done, error) from error
        if piece is None:  # a pipe that doesn't block, and has nothing yet
            select.select([source], [], [])
            continue
        if not piece:
            return
        try:
            target.write(piece)
        except OSError as error:
            raise AudioError(
                f"{name} can't be copied to a temporary file, which it needs: {error.strerror or error}. Make room, or "
                "set TMPDIR to a folder on another disk.",
                source=name,
            ) from error
        done += len(piece)
