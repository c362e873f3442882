"""speechgru audio resample: another sampling rate."""

from __future__ import annotations

import argparse

from speechgru.cli import positive
from speechgru.errors import UsageError

HELP = "Change the sampling rate (soxr)"
EXAMPLES = """\
  speechgru audio resample talk.wav --rate 16000 -o talk16.wav
  speechgru audio resample recordings --rate 48000 --format opus -o small

Channels stay as they are, and the bit depth unless --bits is given; the extension names the format.
Exit code: 0 all done, 1 some recording failed or is cut short, 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.audio import formats
    from speechgru.cli.audio import _files as files

    files.add_arguments(parser)
    parser.add_argument(
        "--rate", type=positive, required=True, metavar="HZ", help="wanted rate, such as 16000"
    )
    parser.add_argument("--bits", choices=formats.BITS, help="bit depth (default: the recording's)")


def run(args: argparse.Namespace) -> int:
    from speechgru.audio import array, edit
    from speechgru.cli.audio import _files as files

    if args.rate > array.MAX_RATE:
        raise UsageError(f"--rate {args.rate}; expected up to {array.MAX_RATE} Hz.")
    return files.run(args, lambda source, target: edit.resample(source, target, args.rate, bits=args.bits))
