"""speechgru audio trim-silence: without the quiet at both ends."""

from __future__ import annotations

import argparse

from speechgru.errors import UsageError

HELP = "Cut off silence at both ends"
EXAMPLES = """\
  speechgru audio trim-silence take1.wav -o trimmed.wav
  speechgru audio trim-silence recordings -o trimmed --threshold 50 --padding 0.2

Silence is what lies --threshold dB below the loudest 10 ms. Pauses inside stay (see split-at-pauses).
Exit code: 0 all done, 1 some recording failed or is cut short, 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli.audio import _files as files

    files.add_arguments(parser)
    parser.add_argument(
        "--threshold", type=float, default=40.0, metavar="DB", help="below the loudest frame (default: 40)"
    )
    parser.add_argument(
        "--padding", type=float, default=0.1, metavar="S", help="seconds to leave at each end (default: 0.1)"
    )


def run(args: argparse.Namespace) -> int:
    from speechgru.audio import edit
    from speechgru.cli.audio import _files as files

    if not (0 < args.threshold <= 150 and 0 <= args.padding <= 3600):
        raise UsageError(
            f"--threshold {args.threshold:g} --padding {args.padding:g}; expected above 0 to 150 dB, and 0 to "
            "3600 seconds."
        )
    return files.run(
        args,
        lambda source, target: edit.trim_silence(
            source, target, threshold=args.threshold, padding=args.padding
        ),
        twice=True,
    )
