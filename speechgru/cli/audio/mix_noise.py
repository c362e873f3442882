"""speechgru audio mix-noise: noise at a stated signal-to-noise ratio."""

from __future__ import annotations

import argparse
from pathlib import Path

from speechgru.cli._options import hidden, number, seed
from speechgru.errors import UsageError

HELP = "Add noise, recorded or generated, at a signal-to-noise ratio"
EXAMPLES = """\
  speechgru audio mix-noise talk.wav --snr 10 -o noisy.wav
  speechgru audio mix-noise talk.wav --snr 5 --noise cafe.wav --seed 3 -o noisy.wav
  speechgru audio mix-noise test_set --snr 0 --color white -o noisy

The ratio is of mean powers over the whole recording, pauses included, as in training. Of a noise file a random
place is taken, again and again where it is shorter. The same seed, and file name, give the same samples.
A mixture beyond full scale is turned down as a whole, with a note. A whole recording is held in memory.
Exit code: 0 all done, 1 some recording failed or is cut short, 2 wrong usage, 130 Ctrl-C.
"""
_EXPONENTS = {"white": 0.0, "pink": 1.0, "brown": 2.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli.audio import _files as files

    files.add_arguments(parser)
    parser.add_argument(
        "--snr",
        type=number(at_least=-100, at_most=100),
        required=True,
        metavar="DB",
        help="signal above noise, in dB",
    )
    parser.add_argument("--noise", metavar="FILE", help="a recording of noise (default: it is generated)")
    parser.add_argument("--color", choices=tuple(_EXPONENTS), help="of generated noise (default: pink)")
    hidden(parser, "--colour", dest="color", choices=tuple(_EXPONENTS))
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of what is random (default: 0)")


def run(args: argparse.Namespace) -> int:
    from zlib import crc32

    from speechgru import audio
    from speechgru.audio import edit as editing
    from speechgru.cli.audio import _files as files

    if args.noise is not None:
        if args.color is not None:
            raise UsageError("--color is of generated noise, which --noise FILE replaces; leave one out.")
        audio.info(args.noise)  # before the first recording
        if Path(args.output).exists() and Path(args.output).samefile(args.noise):
            raise UsageError(f"{args.output} is the noise itself. Choose another -o.")
    exponent = _EXPONENTS[args.color or "pink"]

    def edit(source: str, target: Path) -> editing.Edited:
        # By its name, so that a file's noise doesn't depend on what else is in the folder.
        seed = crc32(f"{args.seed}/{Path(source).name}".encode("utf-8", "surrogateescape"))
        return editing.mix_noise(source, target, snr=args.snr, seed=seed, noise=args.noise, colour=exponent)

    return files.run(args, edit)
