"""speechgru vad: where somebody speaks."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import add_device, add_format, add_search, add_sources, number
from speechgru.utils.console import say

if TYPE_CHECKING:
    from speechgru.audio.segments import Rules, Span

HELP = "Tell where in recordings somebody speaks"
EXAMPLES = """\
  speechgru vad talk.mp3
  speechgru vad --pause 0.5 --padding 0.2 recordings --recursive
  speechgru vad --format rttm *.wav > speech.rttm

One line for each stretch of speech: the recording, its start and its end, in seconds. In JSON one object for each
recording.
`speechgru train vad` made the packaged detector, and makes others.
Exit code: 0 all done, 1 some recording failed or is cut short (the rest is done), 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sources(parser)
    parser.add_argument(
        "--model", default="vad", metavar="MODEL", help="detector: file or packaged name (default: vad)"
    )
    add_format(parser, "rttm")
    parser.add_argument(
        "--threshold",
        type=number(above=0, below=1),
        metavar="P",
        help="probability at which speech begins (default: the model's own, best on its dev data)",
    )
    for name, default, what in (
        ("pause", 0.2, "shorter ones belong to the speech around them"),
        ("shortest", 0.1, "shorter speech is left out"),
        ("padding", 0.1, "added on either side"),
    ):
        parser.add_argument(
            f"--{name}",
            type=number(at_least=0),
            default=default,
            metavar="S",
            help=f"seconds: {what} (default: {default})",
        )
    add_search(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Print the speech of each recording as soon as it is detected. 1 where one could not be read."""
    from speechgru.cli import _inputs as inputs
    from speechgru.errors import AudioError, AudioWarning
    from speechgru.vad import load_detector

    found = inputs.find(args.sources, args.recursive, args.track)
    found.tell()
    failed = bool(found.problems)
    detector = load_detector(args.model, args.device)
    rules = _rules(args, detector.rules)
    for entry in found.inputs:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", AudioWarning)
                spans, duration = detector.spans(entry.path, rules)
        except AudioError as error:
            failed = True
            say(f"error: {error}")
            continue
        for told in (each.message for each in caught if isinstance(each.message, AudioWarning)):
            failed |= told.kind == "truncated"
            say(f"warning: {told}")
        for line in _lines(args.format, entry.path, spans, duration):
            print(line, flush=True)
    return int(failed)


def _rules(args: argparse.Namespace, own: Rules) -> Rules:
    """The model's rules with what the command line says; what makes no sense is wrong usage."""
    from dataclasses import replace

    from speechgru.errors import ConfigError, UsageError
    from speechgru.vad.detector import RELEASE

    threshold = own.threshold if args.threshold is None else args.threshold
    lengths = {"pause": args.pause, "shortest": args.shortest, "padding": args.padding}
    try:
        return replace(own, threshold=threshold, release=RELEASE * threshold, **lengths)
    except ConfigError as error:
        raise UsageError(str(error)) from error


def _lines(form: str, path: str, spans: list[Span], duration: float) -> list[str]:
    """What is printed of a recording."""
    if form == "json":
        speech = [{"start": round(start, 3), "end": round(end, 3)} for start, end in spans]
        entry = {"audio_filepath": path, "duration": round(duration, 3), "speech": speech}
        return [json.dumps(entry, ensure_ascii=False)]
    if form == "rttm":  # NIST's Rich Transcription Time Marked; fields are parted by spaces
        name = "_".join(Path(path).stem.split()) or "-"
        fields = [f"{start:.3f} {end - start:.3f}" for start, end in spans]
        return [f"SPEAKER {name} 1 {times} <NA> <NA> speech <NA> <NA>" for times in fields]
    return [f"{path}\t{start:.3f}\t{end:.3f}" for start, end in spans]
