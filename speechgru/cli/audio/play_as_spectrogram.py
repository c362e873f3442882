"""speechgru audio play-as-spectrogram: sound to look at, in the terminal."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys

from speechgru.cli import positive
from speechgru.errors import SpeechGruError, UsageError

HELP = "Draw a recording's spectrogram in the terminal"
EXAMPLES = """\
  speechgru audio play-as-spectrogram talk.wav
  speechgru audio play-as-spectrogram long.mp3 --start 61.5 --seconds 3 --height 30
  ssh server cat talk.ogg | speechgru audio play-as-spectrogram -

Time runs to the right, in seconds, frequency upwards, in hertz on the mel scale; brighter is louder, over 60 dB. As
wide as the terminal; in colours where it is one (unless NO_COLOR is set), else in shades of blocks.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli.audio import _files as files

    files.add_sources(parser)
    parser.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="second to begin at (default: 0)"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="how much to show (default: all)")
    parser.add_argument("--width", type=positive, metavar="N", help="in columns (default: the terminal's)")
    parser.add_argument("--height", type=positive, default=20, metavar="N", help="in lines (default: 20)")


def run(args: argparse.Namespace) -> int:
    from speechgru.cli.audio import _files as files
    from speechgru.plots import terminal

    if not (0 <= args.start < math.inf and (args.seconds is None or 0 < args.seconds < math.inf)):
        raise UsageError("--start wants 0 seconds or more, --seconds more than 0.")
    width = args.width or shutil.get_terminal_size().columns
    if not (terminal.MIN_WIDTH <= width <= 1000 and args.height <= 200):
        raise UsageError(
            f"A picture of {width} x {args.height}; expected 30 to 1000 columns, up to 200 lines."
        )
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    found = files.find(args.sources, args.recursive)
    good = not found.problems
    for entry in found.inputs:
        try:
            lines = terminal.spectrogram(
                entry.path, width, args.height, start=args.start, seconds=args.seconds, colour=colour
            )
        except (SpeechGruError, OSError) as error:
            files.report(entry.path, error)
            good = False
            continue
        if len(found.inputs) > 1:
            print(entry.path)
        print("\n".join(lines))
    return 0 if good else 1
