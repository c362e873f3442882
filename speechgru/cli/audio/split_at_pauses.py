"""speechgru audio split-at-pauses: a file for each part between pauses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import add_existing
from speechgru.errors import SpeechGruError, UsageError
from speechgru.utils.console import progress, say

if TYPE_CHECKING:
    from speechgru.cli._inputs import Input

HELP = "Cut recordings at their pauses into numbered files"
EXAMPLES = """\
  speechgru audio split-at-pauses lecture.mp3 -o parts --format flac
  speechgru audio split-at-pauses interviews -o parts --pause 0.8 --shortest 1

Writes DIR/NAME-0001.wav, ... and DIR/NAME.jsonl: for each part its file, duration, and where in the recording it
begins (source_offset), with an empty text to fill in: a manifest. Pauses are told by their level. Channels, rate
and bit depth stay as they are.
Exit code: 0 all done, 1 some recording failed or is cut short, 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.audio import formats
    from speechgru.cli.audio import _files as files

    files.add_sources(parser)
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="folder for the parts")
    parser.add_argument(
        "--format", choices=formats.FORMATS, default="wav", help="of the parts (default: wav)"
    )
    add_existing(parser)
    for name, default, text in (
        ("pause", 0.5, "of quiet that part two pieces"),
        ("padding", 0.1, "of a pause to leave on either side"),
        ("shortest", 0.0, "that a part must have to be kept"),
    ):
        described = f"seconds {text} (default: {default:g})"
        parser.add_argument(f"--{name}", type=float, default=default, metavar="S", help=described)


def run(args: argparse.Namespace) -> int:
    from speechgru.cli import _inputs as inputs
    from speechgru.cli import _targets as targets
    from speechgru.cli.audio import _files as files

    if not (args.pause >= 0.05 and args.padding >= 0 and args.shortest >= 0):
        raise UsageError("--pause wants 0.05 seconds or more, --padding and --shortest 0 or more.")
    recordings = files.find(args.sources, args.recursive, twice=True, track=args.track)
    files.check_output(args.output, several=True)
    output = Path(args.output)
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; the parts go into a folder. Choose another -o.")
    places = [output / entry.relative for entry in recordings.inputs]
    inputs.refuse_same(recordings.inputs, places, "written to", "Rename one, or name a folder above both.")
    # The manifest is written last: what has one is whole.
    pairs = [
        (entry, place)
        for entry, place in zip(recordings.inputs, places)
        if not (args.resume and place.with_name(f"{place.name}.jsonl").is_file())
    ]
    _check([place for _, place in pairs], args.overwrite, recordings.inputs)
    targets.check_writable(output)
    if len(pairs) < len(places):
        say(f"note: {len(places) - len(pairs)} of {len(places)} are there already.")
    good = not recordings.problems
    with progress("splitting") as on_progress:
        for done, (entry, place) in enumerate(pairs, start=1):
            good &= _split(entry.path, place, args)
            if on_progress is not None:
                on_progress(done / len(pairs))
    return 0 if good else 1


def _check(places: list[Path], overwrite: bool, sources: tuple[Input, ...]) -> None:
    from speechgru.audio import split
    from speechgru.cli import _targets as targets

    old = [path for place in places for path in split.earlier(place.parent, place.name)]
    targets.check_all(old, overwrite, sources=[entry.path for entry in sources])


def _split(source: str, place: Path, args: argparse.Namespace) -> bool:
    from speechgru.audio import split
    from speechgru.cli.audio import _files as files

    try:
        parts = split.spans(source, pause=args.pause, padding=args.padding, shortest=args.shortest)
        cut = split.write_parts(source, parts, place.parent, place.name, args.format)
    except (SpeechGruError, OSError) as error:
        files.report(source, error)
        return False
    count = len(cut.paths)
    say(f"note: {source}: {count} part{'' if count == 1 else 's'}, {place}.jsonl")
    if cut.problem:
        say(f"warning: {source}: {cut.problem}")
    return cut.problem is None
