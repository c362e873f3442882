"""Which recordings a command line means, and where each result goes: all of it known before work starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechgru.audio import Track, is_audio
from speechgru.errors import ConfigError
from speechgru.utils import walk
from speechgru.utils.console import say
from speechgru.utils.near import question

STDIN = "-"
STDIN_STEM = "stdin"


@dataclass(frozen=True)
class Input:
    """One recording: its path as it will be shown ("-" for standard input), and its place in the output tree.

    `relative` is the path below the folder that was named, without suffix; the bare name for a file.
    """

    path: str
    relative: Path


@dataclass(frozen=True)
class Found:
    """The recordings, what can't be used at all, and what a user may have overlooked."""

    inputs: tuple[Input, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tell(self) -> None:
        """Say notes and problems on stderr."""
        for note in self.notes:
            say(f"note: {note}")
        for problem in self.problems:
            say(f"error: {problem}")


def find(arguments: Sequence[str], recursive: bool = False, track: int | None = None) -> Found:
    """Recordings that `arguments` (files, folders, "-") mean, in their order, those of a folder sorted.

    A recording that is named twice is taken once. A folder gives the files with the extension of a sound; of
    a file that was named itself, the content decides, later. With `track`, each path is a `Track`.
    """
    inputs: list[Input] = []
    problems: list[str] = []
    notes: list[str] = []
    for argument in arguments:
        if not argument:  # to pathlib it would be the current folder
            problems.append('"" names no recording. Is a variable of the shell empty?')
        elif argument != STDIN and Path(argument).is_dir():
            _scan(Path(argument), recursive, inputs, problems, notes)
        elif argument != STDIN and not Path(argument).exists():
            problems.append(
                f"{argument} doesn't exist.{question(argument)} Check the path and the folder you are in."
            )
        else:
            inputs.append(Input(argument, Path(STDIN_STEM if argument == STDIN else Path(argument).stem)))
    unique = {_identity(entry.path): entry for entry in reversed(inputs)}
    chosen = tuple(reversed(unique.values()))
    if track is not None:
        chosen = tuple(replace(entry, path=Track(entry.path, track)) for entry in chosen)
    return Found(chosen, tuple(problems), tuple(notes))


def _identity(path: str) -> str:
    return path if path == STDIN else os.path.realpath(path)


def _scan(folder: Path, recursive: bool, inputs: list[Input], problems: list[str], notes: list[str]) -> None:
    """Add the recordings of `folder`, or what is wrong with it."""
    files, folders = _walk(folder, recursive, problems)
    # str(Path) drops a leading "./", which keeps output short; the path still leads to the file.
    inputs += [Input(str(file), file.relative_to(folder).with_suffix("")) for file in files]
    skipped = f"{folders} folder{'s' * (folders != 1)} inside {folder}"
    if files and folders and not recursive:
        notes.append(f"{skipped} not searched; pass --recursive to take them too.")
    elif not files and folders and not recursive:
        problems.append(f"{folder} itself holds no audio; {skipped} not searched: pass --recursive.")
    elif not files:
        problems.append(f"{folder} holds no audio: no file in it has the extension of a sound format.")


def _walk(folder: Path, recursive: bool, problems: list[str]) -> tuple[list[Path], int]:
    """Sound files below `folder`, sorted, and the number of visible folders directly inside it."""

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename} can't be listed: {error.strerror}. Check its permissions.")

    files: list[Path] = []
    direct = 0
    for found in walk.walk(folder, recursive=recursive, on_error=unreadable):
        files += [path for path in found.files if is_audio(path)]
        if found.path == folder:
            direct = len(found.folders)
    return sorted(files), direct


def outputs(
    inputs: Sequence[Input], folder: str | Path, extension: str, overwrite: bool = False
) -> list[Path]:
    """The file that each input's result is written to, below `folder`.

    Raises:
        ConfigError: two results would have the same name.
        UsageError: see `_targets.check`.
    """
    from speechgru.cli import _targets as targets

    root = Path(folder)
    # Not with_suffix: "talk.2024" has no suffix to replace.
    paths = [root / entry.relative.with_name(f"{entry.relative.name}.{extension}") for entry in inputs]
    refuse_same(
        inputs, paths, "written to", "Rename one, or name a folder above both, so that its tree is kept."
    )
    targets.check_all(paths, overwrite, "--output-dir", [entry.path for entry in inputs])
    return paths


def refuse_same(inputs: Sequence[Input], names: Sequence[Any], what: str, advice: str) -> None:
    """Raise ConfigError where two inputs would be `what` the same of `names`."""
    first: dict[Any, str] = {}
    for entry, name in zip(inputs, names, strict=True):
        if name in first:
            raise ConfigError(f"{first[name]} and {entry.path} would both be {what} {name}. {advice}")
        first[name] = entry.path
