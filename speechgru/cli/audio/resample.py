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
Exit code: 0 all done, 1 some recording failed or breaks off, 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru import filework, soundformats

    filework.add_arguments(parser)
    parser.add_argument(
        "--rate", type=positive, required=True, metavar="HZ", help="wanted rate, such as 16000"
    )
    parser.add_argument("--bits", choices=soundformats.BITS, help="bit depth (default: the recording's)")


def run(args: argparse.Namespace) -> int:
    from speechgru import editing, filework, samples

    if args.rate > samples.MAX_RATE:
        raise UsageError(f"--rate {args.rate}; expected up to {samples.MAX_RATE} Hz.")
    return filework.run(
        args, lambda source, target: editing.resample(source, target, args.rate, bits=args.bits)
    )
