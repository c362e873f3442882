"""Commands that make sound files of sound files: their arguments, where each result goes, and the loop over them.

`-o` is a file for one recording, a folder for several. All that can be known to be wrong is reported before any work: a
result that exists, that would replace its own source, or that can't be written.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.audio import formats
from speechgru.cli._options import add_existing, add_search
from speechgru.errors import AudioError, SpeechGruError, UsageError
from speechgru.utils.console import progress, say

if TYPE_CHECKING:
    from speechgru.audio.edit import Edited
    from speechgru.cli._inputs import Found, Input


@dataclass(frozen=True)
class Task:
    """A recording, and the file that its result is written to."""

    source: str
    target: Path


def add_sources(parser: argparse.ArgumentParser) -> None:
    """The recordings, and where they are looked for."""
    parser.add_argument("sources", nargs="+", metavar="FILE_OR_FOLDER", help="recordings or folders of them")
    add_search(parser)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recordings, and where the results go."""

    add_sources(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE_OR_DIR",
        required=True,
        help="file to write; for several recordings a folder, which keeps a folder's tree",
    )
    parser.add_argument(
        "--format",
        choices=formats.FORMATS,
        help="of the files in a folder (default: the recording's own where it can be written, else wav)",
    )
    add_existing(parser)


def run(args: argparse.Namespace, edit: Callable[[str, Path], Edited], twice: bool = False) -> int:
    """`edit` each recording to its file; 1 where something failed or was cut short: it is named, the others are done.

    With `twice`, the recordings are read more than once, which standard input can't be.
    """
    check_output(args.output, several=_are_several(args.sources))
    recordings = find(args.sources, args.recursive, twice, args.track)
    todo = plan(
        recordings.inputs,
        args.output,
        args.format,
        args.overwrite,
        in_folder=_is_folder(args),
        resume=args.resume,
    )
    tasks = tell_kept(todo, len(recordings.inputs))
    good = not recordings.problems
    with progress("editing") as on_progress:
        for done, task in enumerate(tasks, start=1):
            good &= _do(task, edit)
            if on_progress is not None:
                on_progress(done / len(tasks))
    return 0 if good else 1


def find(sources: Sequence[str], recursive: bool, twice: bool = False, track: int | None = None) -> Found:
    """The recordings that `sources` mean; problems and remarks are printed.

    Raises:
        UsageError: `twice` and standard input.
    """
    from speechgru.cli import _inputs as inputs

    if twice and inputs.STDIN in sources:
        raise UsageError(
            "This reads a recording twice, which standard input can't be. Save it to a file first."
        )
    recordings = inputs.find(sources, recursive, track)
    recordings.tell()
    return recordings


def plan(
    recordings: Sequence[Input],
    output: str,
    extension: str | None,
    overwrite: bool,
    *,
    in_folder: bool,
    resume: bool = False,
) -> list[Task]:
    """Where each result goes: to the file `output`, or `in_folder` to a file of the recording's name below it.

    With `resume` those whose file exists are left out: it was written whole.

    Raises:
        UsageError: two results of one name, a result that is its own source or exists (without `overwrite`), a
            folder that can't be written to, an `extension` beside a file's name, or a file of no format to write.
    """
    from speechgru.cli import _inputs as inputs
    from speechgru.cli import _targets as targets_

    if not in_folder:
        if extension is not None:
            raise UsageError(f"--format is for a folder; the extension of {output} names the format.")
        try:
            formats.format_of(output)
        except AudioError as error:
            raise UsageError(str(error)) from None
        targets = [Path(output)] * len(recordings)
    else:
        kinds = [extension or _own_format(entry.path) for entry in recordings]
        # Not with_suffix: "talk.2024" has no suffix to replace.
        targets = [
            Path(output) / entry.relative.with_name(f"{entry.relative.name}.{kind}")
            for entry, kind in zip(recordings, kinds)
        ]
    advice = "Rename one, or name a folder above both, so that its tree is kept."
    inputs.refuse_same(recordings, targets, "written to", advice)
    tasks = [Task(entry.path, target) for entry, target in zip(recordings, targets)]
    if resume:
        tasks = [task for task in tasks if not task.target.is_file()]
    targets_.check_all(
        [task.target for task in tasks], overwrite, sources=[entry.path for entry in recordings]
    )
    return tasks


def tell_kept(todo: list[Task], count: int) -> list[Task]:
    """`todo`, once it is said how many of `count` results are there already."""
    if len(todo) < count:
        say(f"note: {count - len(todo)} of {count} are there already.")
    return todo


def check_output(output: str, *, several: bool) -> None:
    """Raise UsageError where -o is nothing, or the name of a sound file for the results of `several` recordings."""
    if not output:
        raise UsageError('-o "" names no file and no folder. Is a variable of the shell empty?')
    is_file = Path(output).suffix.lower().lstrip(".") in formats.FORMATS
    if several and is_file and not output.endswith("/") and not Path(output).is_dir():
        raise UsageError(
            f"-o {output} names a file, but the results go into a folder. Name one, or end it with a / if it is to "
            "be called so."
        )


def report(name: str, error: SpeechGruError | OSError) -> None:
    """Say `error` of the recording `name`, which most messages begin with."""
    source = error.filename if isinstance(error, OSError) else error.source
    say(f"error: {error}" if source == name else f"error: {name}: {error}")


def _is_folder(args: argparse.Namespace) -> bool:
    return _are_several(args.sources) or args.output.endswith("/") or Path(args.output).is_dir()


def _are_several(sources: Sequence[str]) -> bool:
    return len(sources) > 1 or any(Path(source).is_dir() for source in sources)


def _own_format(path: str) -> str:
    extension = Path(path).suffix.lower().lstrip(".")
    return extension if extension in formats.FORMATS else "wav"


def _do(task: Task, edit: Callable[[str, Path], Edited]) -> bool:
    try:
        edited = edit(task.source, task.target)
    except (SpeechGruError, OSError) as error:
        report(task.source, error)
        return False
    for note in edited.notes:
        say(f"{'warning' if edited.truncated else 'note'}: {task.source}: {note}")
    return not edited.truncated
