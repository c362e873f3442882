"""Files are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on any error.

    The temporary name keeps the suffix, because some writers choose their format by it. Not `durable`, a power cut
    may leave the file empty or cut: for thousands of small ones, most of whose time is else the wait for the disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not mkstemp: Ctrl-C just after it would leave a file of unknown name.
    temporary = path.parent / f".{path.stem}.{secrets.token_hex(4)}{path.suffix}"
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is None:  # a full disk: a stream doesn't know which file it writes
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def is_file(path: str | Path) -> bool:
    """Whether there is such a file that may be looked at.

    A name from a table may be one that no file can have: `Path.is_file` raises an OSError for one that is too long.
    """
    return os.path.isfile(path)


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
