"""The files that a command writes. What is wrong with them is told before any work, by one rule for all commands:

a file that is there is replaced only with --overwrite, and one that is read, a folder or a device never.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from speechgru.errors import UsageError
from speechgru.utils import files

NAMED = 5
STDIN = "-"


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """The option that allows to replace what is there."""
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def check(
    *targets: tuple[str, str | Path | None], overwrite: bool, sources: Iterable[str | Path] = ()
) -> None:
    """Refuse files that can't or shouldn't be written.

    Args:
        targets: option and file; None where the option isn't given.
        sources: what the command reads, which no result may replace.

    Raises:
        UsageError: a target has no name, is named twice, is read, a folder or a device, is there (without
            `overwrite`), or nothing can be written where it lies.
    """
    options: dict[Path, str] = {}
    for option, name in targets:
        if name is None:
            continue
        if not str(name):
            raise UsageError(f'{option} "" names no file. Is a variable of the shell empty?')
        path = Path(name)
        if path in options:
            raise UsageError(
                f"{options[path]} and {option} can't both be {path}. Choose another name for one."
            )
        options[path] = option
    check_all(list(options), overwrite, options, sources)


def check_all(
    paths: Iterable[Path],
    overwrite: bool,
    options: dict[Path, str] | str = "-o",
    sources: Iterable[str | Path] = (),
) -> None:
    """As `check`, for the many files of a folder, which one option names."""
    paths = list(paths)
    read = {os.path.realpath(source) for source in sources if source != STDIN}

    def option(path: Path) -> str:
        return options if isinstance(options, str) else options[path]

    for path in paths:
        if os.path.realpath(path) in read:
            raise UsageError(
                f"{path} is a file that is read; it is never replaced, not even with --overwrite. Choose another "
                f"{option(path)}."
            )
        if path.is_dir():
            raise UsageError(f"{path} is a folder; the result is a file. Remove it, or choose another name.")
        if files.is_special(path):
            raise UsageError(
                f"{option(path)} {path} is a device or a pipe; results are written to files. Choose another name."
            )
    present = [path for path in paths if path.exists()]
    if present and not overwrite:
        raise UsageError(
            f"{_listed(present)} already there. Pass --overwrite to replace what was written before, or choose "
            f"another {option(present[0])}."
        )
    for folder, path in {path.parent: path for path in reversed(paths)}.items():
        check_writable(folder, option(path))


def check_writable(folder: Path, option: str = "-o") -> None:
    """Raise UsageError where no file can be written into `folder`, nor the folder be made. Nothing is left there."""
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        # Permissions don't tell all: the disk may be read-only, or the user root.
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise UsageError(
            f"Nothing can be written into {folder}: {error.strerror or error}. Choose another {option}."
        ) from error


def _listed(paths: list[Path]) -> str:
    named = ", ".join(map(str, paths[:NAMED]))
    if len(paths) > NAMED:
        return f"{named} and {len(paths) - NAMED} more are"
    return f"{named} {'is' if len(paths) == 1 else 'are'}"
