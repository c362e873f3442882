"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_LONGEST = 48  # characters of a name that a temporary name keeps: file systems allow 255 bytes


@contextmanager
def atomic_path(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on any error.

    The temporary name keeps the suffix, because some writers choose their format by it. Not `durable`, a power cut
    may leave the file empty or cut: for thousands of small ones, most of whose time is else the wait for the disk.

    Raises:
        OSError: `path` can't be written, or is a device or a pipe; it has `path` as its name, never the temporary one.
    """
    path = Path(path)
    if is_special(path):
        raise OSError(errno.EINVAL, "Not a regular file, so it can't be replaced", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not mkstemp: Ctrl-C just after it would leave a file of unknown name.
    temporary = path.parent / f".{path.stem[:_LONGEST]}.{secrets.token_hex(4)}{path.suffix}"
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        # A stream doesn't know which file it writes (a full disk), and the temporary one is nobody's.
        if error.filename is None or str(error.filename) == str(temporary):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    finally:
        with suppress(OSError):  # what went wrong has been told
            temporary.unlink()


def is_special(path: str | Path) -> bool:
    """Whether something is at `path` that a renamed file must not take the place of: a device, a pipe, a socket, and
    whatever is named in /dev and /proc (/dev/stdout may lead to a regular file)."""
    place = Path(os.path.abspath(path))
    if place.parts[1:2] in (("dev",), ("proc",)) and place.parts[1:3] != ("dev", "shm"):
        return os.path.lexists(place) and not place.is_dir()
    return place.exists() and not (place.is_file() or place.is_dir())


def is_file(path: str | Path) -> bool:
    """Whether there is such a file that may be looked at.

    A name from a table may be one that no file can have: `Path.is_file` raises an OSError for one that is too long.
    """
    return os.path.isfile(path)


@contextmanager
def named_errors(path: str | Path) -> Iterator[None]:
    """An OSError inside the `with` block has a file's name: one that comes in the midst of reading has none."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error


def check_readable(path: str | Path) -> None:
    """Read all of a file, for what maps it into memory next: a failing disk would end the process there, without a
    word, and some libraries call it damage.

    Raises:
        OSError: the disk fails; with the file's name.
    """
    with named_errors(path), open(path, "rb") as file:
        while file.read(1 << 20):
            pass


def numbers(path: str | Path, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """The numbers that a file consists of. `np.fromfile` takes a failing disk for the end of the file.

    Raises:
        OSError: the disk fails; with the file's name.
    """
    import numpy as np

    with named_errors(path), open(path, "rb") as file:
        values = np.empty(os.fstat(file.fileno()).st_size // dtype.itemsize, dtype)
        left = values.view(np.uint8).data
        while len(left):
            read = file.readinto(left)
            if not read:
                raise OSError(errno.EIO, "The file became shorter while it was read")
            left = left[read:]
    return values


def _flush(path: Path) -> None:
    """Onto the disk: after a power cut, a renamed file whose content was not there yet would be empty."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: str | Path, text: str, *, durable: bool = True) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8")
