"""Where transcripts go and in which format: one file by its extension, a file each in a folder, or standard output."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli import _rendering as rendering
from speechgru.cli._options import add_existing, hidden
from speechgru.errors import UsageError
from speechgru.utils import plugins

if TYPE_CHECKING:
    from speechgru.cli._inputs import Found, Input

DEFAULT = "txt"


@dataclass(frozen=True)
class Plan:
    """The recordings to transcribe, and where each result goes; `targets` is None for standard output."""

    inputs: tuple[Input, ...]
    targets: list[Path] | None
    writer: rendering.Writer
    several: bool
    kept: int = 0
    """Results that are there already and stay."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """-o and what is done with files that exist."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE_OR_DIR",
        help="write here: a file, whose extension names the format, or a folder, which gets a file for each recording "
        "and keeps a folder's tree (default: standard output)",
    )
    hidden(parser, "--output-dir", dest="output", type=_as_folder)
    add_existing(parser)


def plan(args: argparse.Namespace, found: Found) -> Plan:
    """What is wrong with -o and --format is refused before any work.

    Raises:
        UsageError, ConfigError: see the messages.
    """
    several = len(args.sources) > 1 or any(Path(source).is_dir() for source in args.sources)
    if args.output is None:
        return _to_stdout(args, found, several)
    if args.output == "":
        raise UsageError('-o "" names no file and no folder. Is a variable of the shell empty?')
    by_extension = format_of(args.output)
    if several or by_extension is None or _is_folder(args.output):
        if several and by_extension is not None and not _is_folder(args.output):
            raise UsageError(
                f"-o {args.output} names a file, and several recordings go into a folder. Name one, or end it with a / "
                "if it is to be called so."
            )
        return _to_folder(args, found, several)
    if args.format not in (None, by_extension):
        raise UsageError(
            f"-o {args.output} names the format {by_extension}, and --format is {args.format}. Leave one of them out."
        )
    return _to_file(args, found, rendering.writer(args, by_extension))


def format_of(output: str, formats: Collection[str] = ()) -> str | None:
    """The format, of all or those of `formats`, that a file's extension stands for; None for a folder's name.

    Raises:
        UsageError: another extension.
    """
    suffix = Path(output).suffix.removeprefix(".").lower()
    if not suffix or _is_folder(output):
        return None
    choices = [name for name in plugins.names("writers") if not formats or name in formats]
    extensions = {plugins.find("writers", name).EXTENSION.lower(): name for name in choices}
    if suffix not in extensions:
        raise UsageError(
            f"{plugins.unknown('extension', suffix, extensions)} A folder of that name is written {output}/."
        )
    return extensions[suffix]


def _to_stdout(args: argparse.Namespace, found: Found, several: bool) -> Plan:
    from speechgru.cli import _inputs as inputs

    for option in ("overwrite", "resume"):
        if getattr(args, option) and (option == "resume" or args.plot is None):
            raise UsageError(
                f"--{option} is about files that exist, and results go to stdout. Pass -o FILE_OR_DIR too."
            )
    name = args.format or DEFAULT
    writer = rendering.writer(args, name)
    if several and not hasattr(writer, "write_line"):
        raise UsageError(
            f"Several recordings can't share one {name} on stdout. Pass -o DIR, or a format that several can share: "
            "txt, json or ctm."
        )
    if several and hasattr(writer, "file_name"):
        names = [writer.file_name(entry.path) for entry in found.inputs]
        inputs.refuse_same(found.inputs, names, "called", "Rename one, or pass -o DIR.")
    return Plan(found.inputs, None, writer, several)


def _to_folder(args: argparse.Namespace, found: Found, several: bool) -> Plan:
    from speechgru.cli import _inputs as inputs

    writer = rendering.writer(args, args.format or DEFAULT)
    todo = found.inputs
    if args.resume:
        # Not with_suffix: "talk.2024" has no suffix to replace.
        names = [entry.relative.with_name(f"{entry.relative.name}.{writer.EXTENSION}") for entry in todo]
        advice = "Rename one, or name a folder above both, so that its tree is kept."
        inputs.refuse_same(todo, names, "written to", advice)
        todo = tuple(e for e, name in zip(todo, names) if not Path(args.output, name).is_file())
    targets = inputs.outputs(todo, args.output, writer.EXTENSION, args.overwrite)
    return Plan(todo, targets, writer, several, len(found.inputs) - len(todo))


def _to_file(args: argparse.Namespace, found: Found, writer: rendering.Writer) -> Plan:
    from speechgru.cli import _targets as targets

    target = Path(args.output)
    if args.resume and target.is_file():
        return Plan((), [], writer, several=False, kept=len(found.inputs))
    targets.check(("-o", target), overwrite=args.overwrite, sources=[entry.path for entry in found.inputs])
    return Plan(found.inputs, [target], writer, several=False)


def _is_folder(output: str) -> bool:
    return output.endswith("/") or Path(output).is_dir()


def _as_folder(value: str) -> str:
    """--output-dir always names one."""
    return value and f"{value.rstrip('/')}/"
