"""speechgru align: the times of each word of a known text."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import add_runtime, add_track, device
from speechgru.errors import UsageError
from speechgru.utils.console import progress, say

if TYPE_CHECKING:
    from speechgru.alignment import Alignment

HELP = "Find the times of each word of a known text"
EXAMPLES = """\
  speechgru align talk.mp3 talk.txt -o talk.json
  speechgru align chapter.ogg chapter.txt -o chapter.TextGrid
  speechgru align talk.mp3 talk.txt -o talk.srt --plot talk.png
  pdftotext speech.pdf - | speechgru align speech.wav -

The words keep their spelling. Numbers, dates, times, money and abbreviations have several readings (347 with or
without "and", 2016 both ways, digits one by one); the one that fits the sound is taken, and JSON names it in "reading".
Each line of the text is a segment; a text of one line is cut into sentences. Words that the sound doesn't hold are
named on stderr, and in JSON "spoken" is false for them; they have the start and end of what is spoken in their place,
or null where nothing is. Other formats leave them out, except numbers and the like, which keep the times of what is
spoken in their place. Speech that the text lacks is skipped.
"""
FORMATS = ("json", "ctm", "textgrid", "srt", "vtt", "ass", "lrc", "tsv")
STDIN = "-"
NAMED = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _rendering as rendering
    from speechgru.cli import _targets as targets

    parser.add_argument("audio", metavar="AUDIO", help="the recording, or - for standard input")
    parser.add_argument(
        "text",
        metavar="TEXT",
        help="file with the text that is spoken in it (UTF-8), or - for standard input",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="checkpoint file, a run's folder, or packaged name (default: english, which judges and places the words "
        "that english-small finds; english-small alone is four times as fast)",
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="what to write (default: as the extension of -o says, else json)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write here (default: standard output)")
    parser.add_argument("--plot", metavar="FILE.png", help="draw spectrogram, words and their confidence too")
    add_track(parser)
    targets.add_overwrite(parser)
    parser.add_argument(
        "--device", type=device, default="cpu", help="cpu, cuda, cuda:N or auto (default: cpu)"
    )
    add_runtime(parser)
    rendering.add_layout(parser)


def run(args: argparse.Namespace) -> int:
    """Align, draw and write. Returns 1 where the recording is cut short, with a warning on stderr."""
    from speechgru.audio import Track
    from speechgru.cli import _rendering as rendering
    from speechgru.text import spoken_form

    _check(args)
    args.format = _format(args)
    rendering.layout(args, args.format)
    source = args.audio if args.track is None else Track(args.audio, args.track)
    text = spoken_form.read(args.text)
    from speechgru.alignment import align_text, load_aligner

    aligner = load_aligner(args.model, args.device, args.runtime)
    with progress("aligning") as on_progress:
        alignment = align_text(aligner.recognizer, source, text, on_progress, aligner.verifier)
    _report(args.audio, alignment)
    _write(alignment, args)
    if args.plot is not None:
        from speechgru.plots import transcript

        if note := transcript.save(args.plot, alignment.transcript, source):
            say(f"note: {note}")
    return 1 if alignment.transcript.truncated else 0


def _check(args: argparse.Namespace) -> None:
    """Refuse wrong options before any work.

    Raises:
        UsageError: standard input for both inputs, no input, or targets that `_targets.check` refuses.
    """
    from speechgru.cli import _targets as targets

    if args.audio == args.text == STDIN:
        raise UsageError("AUDIO and TEXT can't both be standard input. Name a file for one of them.")
    if STDIN in (args.audio, args.text) and sys.stdin.isatty():
        raise UsageError("- reads standard input, but nothing is piped into it. Name a file instead.")
    if args.plot is not None:
        from speechgru.plots import transcript

        transcript.check(args.plot, args.audio)
    targets.check(
        ("-o", args.output),
        ("--plot", args.plot),
        overwrite=args.overwrite,
        sources=(args.audio, args.text, *([args.model] if args.model else [])),
    )


def _format(args: argparse.Namespace) -> str:
    """What --format or the extension of -o says.

    Raises:
        UsageError: they differ, or none says it.
    """
    if args.output is None:
        return str(args.format or "json")
    from speechgru.cli import _transcript_targets as targets

    suffix = Path(args.output).suffix.lower().removeprefix(".")
    if args.format is not None and suffix not in FORMATS:
        return str(args.format)
    named = targets.format_of(args.output, FORMATS)
    if named is None:
        raise UsageError(f"-o {args.output} has no extension that names a format. Say it by --format.")
    if args.format not in (None, named):
        raise UsageError(
            f"-o {args.output} names the format {named}, and --format is {args.format}. Leave one of them out."
        )
    return named


def _report(source: str, alignment: Alignment) -> None:
    """Print on stderr the warnings about the recording, and the words that it lacks."""
    for warning in alignment.transcript.warnings:
        say(f"warning: {source}: {warning}")
    count = sum(map(len, alignment.lines))
    if missing := alignment.missing:
        say(
            f"note: {source}: {len(missing)} of {count} words were not found in it: {_named(map(repr, missing))}"
        )
    if replaced := alignment.replaced:
        places = (f"{word.text!r} at {word.start:.2f} s" for word in replaced)
        say(
            f"note: {source}: in place of {len(replaced)} of {count} words something else is spoken: {_named(places)}"
        )


def _named(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join([*every[:NAMED], *(["..."] if len(every) > NAMED else [])])


def _write(alignment: Alignment, args: argparse.Namespace) -> None:
    from speechgru.alignment.text import as_dict
    from speechgru.cli import _rendering as rendering
    from speechgru.utils import plugins
    from speechgru.utils.files import atomic_path

    stream = io.StringIO()
    if args.format == "json":
        stream.write(json.dumps(as_dict(alignment), indent=2, ensure_ascii=False) + "\n")
    else:
        plugins.find("writers", args.format).write(
            alignment.transcript, stream, **rendering.layout(args, args.format)
        )
    if args.output is None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="surrogateescape")  # a file's name need not be UTF-8
        sys.stdout.write(stream.getvalue())
        return
    with atomic_path(args.output) as temporary:
        temporary.write_text(stream.getvalue(), encoding="utf-8", errors="surrogateescape")
