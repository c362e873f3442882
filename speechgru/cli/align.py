"""speechgru align: when each word of a known text was said."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.errors import ConfigError, UsageError
from speechgru.utils.console import progress, say

if TYPE_CHECKING:
    from speechgru.alignment.text import Alignment

HELP = "Find when each word of a known text was said"
EXAMPLES = """\
  speechgru align talk.mp3 talk.txt -o talk.json
  speechgru align chapter.ogg chapter.txt --format textgrid -o chapter.TextGrid
  speechgru align talk.mp3 talk.txt --format srt --plot talk.png > talk.srt
  pdftotext speech.pdf - | speechgru align speech.wav -

The words keep their spelling: numbers and abbreviations are read out only to be found. Each line of the text is a
segment; a text of one line is cut into sentences. Words that nobody said are named on stderr and have no times:
in JSON "spoken" is false for them, other formats leave them out. What is said beside the text is passed over.
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
        "--model", metavar="MODEL", help="checkpoint file or packaged name (default: english-small)"
    )
    parser.add_argument("--format", choices=FORMATS, default="json", help="what to write (default: json)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write here (default: standard output)")
    parser.add_argument("--plot", metavar="FILE.png", help="draw spectrogram, words and their confidence too")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N or auto (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Align, draw and write. 1 where the recording breaks off: that is said on stderr."""
    from speechgru.text import spoken_form

    _check(args)
    text = spoken_form.read(args.text)
    from speechgru.alignment.text import align_text
    from speechgru.inference.recognizer import load_recognizer

    # No decoder is asked: the plain one loads nothing.
    recognizer = load_recognizer(args.model, device=args.device, decoder="greedy")
    with progress("aligning") as on_progress:
        found = align_text(recognizer, args.audio, text, on_progress)
    _report(args.audio, found)
    _write(found, args)
    if args.plot is not None:
        from speechgru.plots import transcript

        if note := transcript.save(args.plot, found.transcript, args.audio):
            say(f"note: {note}")
    return 1 if found.transcript.truncated else 0


def _check(args: argparse.Namespace) -> None:
    """Refuse what can't go well before any work."""
    if args.audio == args.text == STDIN:
        raise UsageError("AUDIO and TEXT can't both be standard input. Name a file for one of them.")
    if STDIN in (args.audio, args.text) and sys.stdin.isatty():
        raise ConfigError("- reads standard input, but nothing is piped into it. Name a file instead.")
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


def _report(source: str, found: Alignment) -> None:
    """Say on stderr what is to be known of the recording, and which words nobody said."""
    for warning in found.transcript.warnings:
        say(f"warning: {source}: {warning}")
    unsaid = found.unsaid
    if unsaid:
        count = sum(map(len, found.lines))
        more = ", ..." if len(unsaid) > NAMED else ""
        named = ", ".join(map(repr, unsaid[:NAMED]))
        say(f"note: {source}: {len(unsaid)} of {count} words were not found in it: {named}{more}")


def _write(found: Alignment, args: argparse.Namespace) -> None:
    from speechgru.alignment.text import as_dict
    from speechgru.utils import plugins
    from speechgru.utils.files import atomic_path

    stream = io.StringIO()
    if args.format == "json":
        stream.write(json.dumps(as_dict(found), indent=2, ensure_ascii=False) + "\n")
    else:
        plugins.find("writers", args.format).write(found.transcript, stream)
    if args.output is None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="surrogateescape")  # a file's name need not be UTF-8
        sys.stdout.write(stream.getvalue())
        return
    with atomic_path(args.output) as temporary:
        temporary.write_text(stream.getvalue(), encoding="utf-8", errors="surrogateescape")
