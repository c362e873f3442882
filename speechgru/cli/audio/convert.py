"""speechgru audio convert: another format, channels, bit depth."""

from __future__ import annotations

import argparse

from speechgru.cli import positive

HELP = "Change format, number of channels or bit depth"
EXAMPLES = """\
  speechgru audio convert talk.mp3 -o talk.flac
  speechgru audio convert interview.wav -o mono.wav --channels 1
  speechgru audio convert recordings --recursive --format flac --bits 24 -o archive

The extension names the format: wav, flac, mp3, ogg (Vorbis), opus, aiff, au, caf or w64. Channels and bit depth
stay as they are unless they are given. What is read: all that `transcribe` reads, - for standard input too.
Tags are not kept. Exit code: 0 all done, 1 some recording failed or is cut short, 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.audio import formats
    from speechgru.cli.audio import _files as files

    files.add_arguments(parser)
    parser.add_argument(
        "--channels", type=positive, metavar="N", help="1 mixes all to their mean; of mono, N copies"
    )
    parser.add_argument("--bits", choices=formats.BITS, help="bit depth (default: the recording's)")


def run(args: argparse.Namespace) -> int:
    from speechgru.audio import edit
    from speechgru.cli.audio import _files as files

    return files.run(
        args,
        lambda source, target: edit.convert(source, target, channels=args.channels, bits=args.bits),
    )
