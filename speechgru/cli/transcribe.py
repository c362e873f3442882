"""speechgru transcribe: recordings to text."""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.cli._options import add_runtime, add_track, device, positive
from speechgru.errors import SpeechGruError, UsageError
from speechgru.utils.console import above_bars, progress, say

if TYPE_CHECKING:
    from speechgru.cli._rendering import Writer
    from speechgru.cli._transcript_targets import Plan
    from speechgru.inference import Recognizer
    from speechgru.transcript import Transcript

HELP = "Turn recordings into text, subtitles or JSON with word times"
EXAMPLES = """\
  speechgru transcribe talk.mp3
  speechgru transcribe interview.wav -o interview.srt --punctuate
  speechgru transcribe song.flac -o song.ass --karaoke --max-words 6
  speechgru transcribe recordings --recursive --format json -o transcripts
  speechgru transcribe recordings --recursive --format json -o transcripts --resume
  speechgru transcribe lecture.ogg --hotwords "Kyunghyun Cho,GRU"
  speechgru transcribe talk.mp3 --model parakeet-ctc/model.onnx --hotwords "Kyunghyun Cho,GRU"
  speechgru transcribe film.mkv --track 2 --format srt > film.srt

One recording is printed in the format as it is. Several (or a folder) are printed one a line: path, tab and
text, or one JSON object each; CTM lines name their file. Subtitles and TSV of several need -o DIR.
Exit code: 0 all done, 1 some recording failed or is cut short (the rest is done), 2 wrong usage, 130 Ctrl-C.
"""
FORMATS = ("txt", "json", "srt", "vtt", "ass", "lrc", "tsv", "ctm", "textgrid")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.cli import _rendering as rendering
    from speechgru.cli import _transcript_targets as transcript_targets

    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="recordings, folders of them, or - for standard input",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="checkpoint file, a run's folder, packaged name, or a CTC model in ONNX or its folder (default: english)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="what to write (default: as the extension of -o FILE says, else txt)",
    )
    transcript_targets.add_arguments(parser)
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
    add_runtime(parser)
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="pieces that run at once (default: 16)"
    )
    parser.add_argument(
        "--detector",
        metavar="MODEL",
        help="don't transcribe where this speech detector (vad comes with the package; or a file) finds none; none: "
        "without one (default: the model's own; english has vad)",
    )
    rendering.add_arguments(parser)
    decoder_options.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Transcribe all that can be. 1 where something failed or was cut short: it is named on stderr."""
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.cli import _inputs as inputs
    from speechgru.cli import _transcript_targets as transcript_targets

    decoding = decoder_options.choose(args)
    found = inputs.find(args.sources, args.recursive, args.track)
    if "-" in args.sources and sys.stdin.isatty():
        raise UsageError(
            "- reads a recording from standard input, but nothing is piped into it. Name a file instead."
        )
    plan = transcript_targets.plan(args, found)
    if args.plot is not None:
        _check_plot(args.plot, plan, args.overwrite)
    found.tell()
    if plan.kept:
        say(f"note: {plan.kept} of {len(found.inputs)} are there already.")
    good = not found.problems
    if plan.inputs:
        good &= _transcribe(_load(args, decoding), plan, args.plot)
    return 0 if good else 1


def _check_plot(path: str, plan: Plan, overwrite: bool) -> None:
    if plan.several:
        raise UsageError(
            "--plot draws one recording, and several were given. Leave it out, or run the command once for each."
        )
    from speechgru.cli import _targets as targets
    from speechgru.plots import transcript as transcript_plot

    for entry in plan.inputs:
        transcript_plot.check(path, entry.path)
    targets.check(("--plot", path), overwrite=overwrite, sources=[entry.path for entry in plan.inputs])


def _load(args: argparse.Namespace, decoding: dict[str, Any]) -> Recognizer:
    from speechgru.inference import load_recognizer
    from speechgru.inference.recognizer import BATCH_SIZE

    batch_size = args.batch_size or BATCH_SIZE
    return load_recognizer(
        args.model,
        device=args.device,
        batch_size=batch_size,
        detector=args.detector,
        runtime=args.runtime,
        **decoding,
    )


def _transcribe(recognizer: Recognizer, plan: Plan, picture: str | None = None) -> bool:
    """Write every result as soon as it is there. True when all were whole."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape")  # a file's name need not be UTF-8
    paths = [entry.path for entry in plan.inputs]
    screen = _Screen(plan)
    done, good = 0, True
    try:
        with progress("transcribing") as on_progress:
            results = recognizer.transcribe_many(paths, on_progress=on_progress, **screen.options)
            for index, (_, result) in enumerate(results):
                good &= _report(paths[index], result)
                if isinstance(result, SpeechGruError):
                    continue
                if plan.targets is None:
                    screen.show(result)
                else:
                    good &= _save(result, plan.targets[index], plan.writer)
                done += 1
                if picture is not None:
                    from speechgru.plots import transcript as transcript_plot

                    if note := transcript_plot.save(picture, result, paths[index]):
                        say(f"note: {note}")
    except KeyboardInterrupt:
        if plan.targets is not None and plan.several:
            say(f"stopped: {done} of {len(paths)} are written. The same command with --resume does the rest.")
        raise
    return good


class _Screen:
    """Results on standard output: of one recording segment by segment, as they are ready, where its format is made so.

    Attributes:
        options: for `transcribe_many`.
    """

    def __init__(self, plan: Plan) -> None:
        name = "write_line" if plan.several else "write"
        self._write: Any = getattr(plan.writer, name) if plan.targets is None else None
        self._shown = 0
        is_stream = plan.targets is None and not plan.several and getattr(plan.writer, "PIECEWISE", False)
        self.options: dict[str, Any] = {"on_segments": self._add} if is_stream else {}

    def _add(self, part: Transcript) -> None:
        self._shown += len(part.segments)
        self._print(part)

    def show(self, transcript: Transcript) -> None:
        """Print what isn't printed yet of `transcript`."""
        self._print(replace(transcript, segments=transcript.segments[self._shown :]))

    def _print(self, transcript: Transcript) -> None:
        with above_bars(sys.stdout):
            self._write(transcript, sys.stdout)
            sys.stdout.flush()


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
