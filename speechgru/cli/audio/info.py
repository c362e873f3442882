"""speechgru audio info: what a recording is, and how it sounds."""

from __future__ import annotations

import argparse
import json

from speechgru.cli._options import add_format
from speechgru.errors import SpeechGruError

HELP = "Show format, levels, loudness, silence and faults of recordings"
EXAMPLES = """\
  speechgru audio info talk.mp3
  speechgru audio info recordings --recursive --format json > sound.jsonl

Everything is decoded: levels in dB of full scale, true peak and loudness by EBU R 128, silence as the share that
lies 40 dB below the loudest 10 ms. JSON is one object a line; null is what isn't known, not defined, or -infinity.
Exit code: 0 all done, 1 some recording failed or is cut short, 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli.audio import _files as files

    files.add_sources(parser)
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    from speechgru.audio import measure
    from speechgru.cli.audio import _files as files

    recordings = files.find(args.sources, args.recursive, track=args.track)
    good = not recordings.problems
    for entry in recordings.inputs:
        try:
            info = measure.measure(entry.path)
        except (SpeechGruError, OSError) as error:
            files.report(entry.path, error)
            good = False
            continue
        good &= info.problem is None
        as_json = args.format == "json"
        print(json.dumps(measure.to_dict(info)) if as_json else measure.describe(info), flush=True)
    return 0 if good else 1
