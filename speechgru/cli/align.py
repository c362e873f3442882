"""speechgru align: the times of each word of a known text."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import device
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

The words keep their spelling: numbers and abbreviations are spelt out for the alignment only. Each line of the text is
a segment; a text of one line is cut into sentences. Words that the recording lacks are named on stderr and have no
times: in JSON "spoken" is false for them, other formats leave them out. Speech that the text lacks is skipped.
Exit code: 0 done, 1 an error, or the recording breaks off (the rest is done), 2 wrong usage, 130 Ctrl-C.
"""
FORMATS = ("json", "ctm", "textgrid", "srt", "vtt", "tsv")
STDIN = "-"
NAMED = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("audio", metavar="AUDIO", help="the recording, or - for standard input")
    parser.add_argument(
        "text",
        metavar="TEXT",
        help="file with the text that is spoken in it (UTF-8), or - for standard input",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="checkpoint file, a run's folder, or packaged name (default: english-small)",
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="what to write (default: as the extension of -o says, else json)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write here (default: standard output)")
    parser.add_argument("--plot", metavar="FILE.png", help="draw spectrogram, words and their confidence too")
    parser.add_argument(
        "--device", type=device, default="cpu", help="cpu, cuda, cuda:N or auto (default: cpu)"
    )


def run(args: argparse.Namespace) -> int:
    """Align, draw and write. Returns 1 where the recording breaks off, with a warning on stderr."""
    from speechgru.text import spoken_form

    _check(args)
    args.format = _format(args)
    text = spoken_form.read(args.text)
    from speechgru.alignment import align_text
    from speechgru.inference import load_recognizer

    # No decoder is needed: the greedy one loads nothing.
    recognizer = load_recognizer(args.model, device=args.device, decoder="greedy")
    with progress("aligning") as on_progress:
        alignment = align_text(recognizer, args.audio, text, on_progress)
    _report(args.audio, alignment)
    _write(alignment, args)
    if args.plot is not None:
        from speechgru.plots import transcript

        if note := transcript.save(args.plot, alignment.transcript, args.audio):
            say(f"note: {note}")
    return 1 if alignment.transcript.truncated else 0


def _check(args: argparse.Namespace) -> None:
    """Refuse wrong options before any work.

    Raises:
        UsageError: a file for both inputs, an input that would be replaced, no input.
    """
    if args.audio == args.text == STDIN:
        raise UsageError("AUDIO and TEXT can't both be standard input. Name a file for one of them.")
    if STDIN in (args.audio, args.text) and sys.stdin.isatty():
        raise UsageError("- reads standard input, but nothing is piped into it. Name a file instead.")
    if args.plot is not None:
        from speechgru.plots import transcript

        transcript.check(args.plot, args.audio)
    inputs = [Path(name).resolve() for name in (args.audio, args.text) if name != STDIN]
    for option, name in (("-o", args.output), ("--plot", args.plot)):
        if name is None:
            continue
        if Path(name).resolve() in inputs:
            raise UsageError(f"{option} {name} would replace what is read. Choose another name.")
    if args.output is not None and Path(args.output).is_dir():
        raise UsageError(f"-o {args.output} is a folder. Give a file name.")
    if args.output is not None and args.plot is not None and Path(args.output) == Path(args.plot):
        raise UsageError(f"-o and --plot can't both be {args.output}. Choose another name for one.")


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
    missing = alignment.missing
    if missing:
        count = sum(map(len, alignment.lines))
        more = ", ..." if len(missing) > NAMED else ""
        named = ", ".join(map(repr, missing[:NAMED]))
        say(f"note: {source}: {len(missing)} of {count} words were not found in it: {named}{more}")


def _write(alignment: Alignment, args: argparse.Namespace) -> None:
    from speechgru.alignment.text import as_dict
    from speechgru.utils import plugins
    from speechgru.utils.files import atomic_path

    stream = io.StringIO()
    if args.format == "json":
        stream.write(json.dumps(as_dict(alignment), indent=2, ensure_ascii=False) + "\n")
    else:
        plugins.find("writers", args.format).write(alignment.transcript, stream)
    if args.output is None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="surrogateescape")  # a file's name need not be UTF-8
        sys.stdout.write(stream.getvalue())
        return
    with atomic_path(args.output) as temporary:
        temporary.write_text(stream.getvalue(), encoding="utf-8", errors="surrogateescape")
