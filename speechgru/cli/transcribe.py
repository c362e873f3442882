"""speechgru transcribe: recordings to text."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._values import add_track, device, positive
from speechgru.errors import ConfigError, SpeechGruError, UsageError
from speechgru.utils.console import progress, say

if TYPE_CHECKING:
    from speechgru.cli._inputs import Found
    from speechgru.cli._rendering import Writer
    from speechgru.inference import Recognizer
    from speechgru.transcript import Transcript

HELP = "Turn recordings into text, subtitles or JSON with word times"
EXAMPLES = """\
  speechgru transcribe talk.mp3
  speechgru transcribe interview.wav --format srt --punctuate > interview.srt
  speechgru transcribe song.flac --format ass --karaoke --max-words 6 > song.ass
  speechgru transcribe recordings --recursive --format json --output-dir transcripts
  speechgru transcribe lecture.ogg --hotwords "Kyunghyun Cho,GRU"
  speechgru transcribe film.mkv --track 2 --format srt > film.srt

One recording is printed in the format as it is. Several (or a folder) are printed one a line: path, tab and
text, or one JSON object each; CTM lines name their file. Subtitles and TSV of several need --output-dir.
Exit code: 0 all done, 1 some recording failed or breaks off (the rest is done), 2 wrong usage, 130 Ctrl-C.
"""
FORMATS = ("txt", "json", "srt", "vtt", "ass", "lrc", "tsv", "ctm", "textgrid")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.cli import _rendering as rendering
    from speechgru.cli import _targets as targets

    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="recordings, folders of them, or - for standard input",
    )
    parser.add_argument(
        "--model", metavar="MODEL", help="checkpoint file or packaged name (default: english-small)"
    )
    parser.add_argument("--format", choices=FORMATS, default="txt", help="what to write (default: txt)")
    parser.add_argument(
        "--output-dir", metavar="DIR", help="write one file for each recording here, keeping a folder's tree"
    )
    targets.add_overwrite(parser)
    parser.add_argument(
        "--plot",
        metavar="FILE.png",
        help="draw spectrogram, words and their confidence too (of one recording)",
    )
    parser.add_argument("--recursive", action="store_true", help="search the folders inside folders too")
    add_track(parser)
    parser.add_argument(
        "--device", type=device, default="cpu", help="cpu, cuda, cuda:N or auto (default: cpu)"
    )
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="pieces that run at once (default: 16)"
    )
    parser.add_argument(
        "--detector",
        metavar="MODEL",
        help="don't transcribe where this speech detector (vad comes with the package; or a file) finds none: "
        "for recordings with noise. With vad, words were recognised in 10.0 instead of 18.3 %% of clips of mere noise; "
        "error rate and time stay",
    )
    rendering.add_arguments(parser)
    decoder_options.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Transcribe all that can be. 1 where something failed or broke off: it is named on stderr."""
    from speechgru.cli import _inputs as inputs
    from speechgru.cli import _rendering as rendering

    writer = rendering.writer(args)
    found = inputs.find(args.sources, args.recursive, args.track)
    several = len(args.sources) > 1 or any(Path(source).is_dir() for source in args.sources)
    targets = _targets(args, found, writer, several)
    found.tell()
    good = not found.problems
    if found.inputs:
        good &= _transcribe(_load(args), found, targets, writer, several, args.plot)
    return 0 if good else 1


def _targets(args: argparse.Namespace, found: Found, writer: Writer, several: bool) -> list[Path] | None:
    """Where each result goes; None for stdout. What is wrong with that is refused before any work."""
    from speechgru.cli import _inputs as inputs
    from speechgru.cli import _targets as targets

    if "-" in args.sources and sys.stdin.isatty():
        raise ConfigError(
            "- reads a recording from standard input, but nothing is piped into it. Name a file instead."
        )
    if args.plot is not None:
        _check_plot(args.plot, found, several)
        targets.check(
            ("--plot", args.plot), overwrite=args.overwrite, sources=[entry.path for entry in found.inputs]
        )
    if args.output_dir is not None:
        return inputs.outputs(found.inputs, args.output_dir, writer.EXTENSION, args.overwrite)
    if args.overwrite and args.plot is None:
        raise UsageError(
            "--overwrite is about the files of --output-dir and --plot, which aren't given; results go to stdout."
        )
    if several and not hasattr(writer, "write_line"):
        raise UsageError(
            f"Several recordings can't share one {args.format} on stdout. Pass --output-dir DIR, or a format "
            "that several can share: txt, json or ctm."
        )
    if several and hasattr(writer, "file_name"):
        names = [writer.file_name(entry.path) for entry in found.inputs]
        inputs.refuse_same(found.inputs, names, "called", "Rename one, or pass --output-dir DIR.")
    return None


def _check_plot(path: str, found: Found, several: bool) -> None:
    if several:
        raise UsageError(
            "--plot draws one recording, and several were given. Leave it out, or run the command once for each."
        )
    from speechgru.plots import transcript as transcript_plot

    for entry in found.inputs:
        transcript_plot.check(path, entry.path)


def _load(args: argparse.Namespace) -> Recognizer:
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.inference import load_recognizer
    from speechgru.inference.recognizer import BATCH_SIZE

    batch_size = args.batch_size or BATCH_SIZE
    wanted = decoder_options.choose(args)
    return load_recognizer(
        args.model, device=args.device, batch_size=batch_size, detector=args.detector, **wanted
    )


def _transcribe(
    recognizer: Recognizer,
    found: Found,
    targets: list[Path] | None,
    writer: Writer,
    several: bool,
    picture: str | None = None,
) -> bool:
    """Write every result as soon as it is there. True when all were whole."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape")  # a file's name need not be UTF-8
    paths = [entry.path for entry in found.inputs]
    good = True
    with progress("transcribing") as on_progress:
        results = recognizer.transcribe_many(paths, on_progress=on_progress)
        for index, (_, result) in enumerate(results):
            good &= _report(paths[index], result)
            if isinstance(result, SpeechGruError):
                continue
            if targets is not None:
                good &= _save(result, targets[index], writer)
            else:
                (writer.write_line if several else writer.write)(result, sys.stdout)
                sys.stdout.flush()
            if picture is not None:
                from speechgru.plots import transcript as transcript_plot

                if note := transcript_plot.save(picture, result, paths[index]):
                    say(f"note: {note}")
    return good


def _report(path: str, result: Transcript | SpeechGruError) -> bool:
    """Name what is wrong on stderr; False when it is more than a remark."""
    if isinstance(result, SpeechGruError):
        from speechgru.cli.audio import _files as files

        files.report(path, result)
        return False
    for warning in result.warnings:
        say(f"warning: {path}: {warning}")
    if not result.segments:
        say(f"note: {path}: no speech found.")
    return not result.truncated


def _save(transcript: Transcript, target: Path, writer: Writer) -> bool:
    from speechgru.utils.files import atomic_path

    text = io.StringIO()
    writer.write(transcript, text)
    try:
        with atomic_path(target) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        say(f"error: {transcript.source}: can't write {target}: {error.strerror or error}.")
        return False
    return True
