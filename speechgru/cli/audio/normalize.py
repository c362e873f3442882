"""speechgru audio normalize: to a loudness, or to a peak."""

from __future__ import annotations

import argparse

from speechgru.errors import UsageError

HELP = "Bring recordings to one loudness (EBU R 128) or peak"
EXAMPLES = """\
  speechgru audio normalize talk.wav -o even.wav
  speechgru audio normalize episodes -o even --lufs -16
  speechgru audio normalize click.wav -o loud.wav --peak -1

One gain for the whole of a recording: nothing is compressed. Where it would lift the true peak above --ceiling, the
gain is less, with a note. Below 0.4 s there is no loudness: use --peak. The bit depth stays as it is.
Exit code: 0 all done, 1 some recording failed or is cut short, 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli.audio import _files as files

    files.add_arguments(parser)
    parser.add_argument(
        "--lufs", type=float, metavar="LUFS", help="wanted integrated loudness (default: -23)"
    )
    parser.add_argument("--ceiling", type=float, metavar="DB", help="highest true peak, dBTP (default: -1)")
    parser.add_argument("--peak", type=float, metavar="DB", help="instead: bring the largest sample here")


def run(args: argparse.Namespace) -> int:
    from speechgru.audio import edit
    from speechgru.cli.audio import _files as files

    if args.peak is not None and (args.lufs is not None or args.ceiling is not None):
        raise UsageError("--peak is instead of --lufs and --ceiling; give one or the other.")
    for name, lowest in (("lufs", -70.0), ("ceiling", -100.0), ("peak", -100.0)):
        value = getattr(args, name)
        if value is not None and not lowest <= value <= 0:
            raise UsageError(f"--{name} {value:g}; expected {lowest:g} to 0: full scale is 0.")
    if args.peak is not None:
        return files.run(
            args, lambda source, target: edit.normalise_peak(source, target, peak=args.peak), twice=True
        )
    lufs = edit.LUFS if args.lufs is None else args.lufs
    ceiling = edit.CEILING_DB if args.ceiling is None else args.ceiling
    return files.run(
        args,
        lambda source, target: edit.normalise(source, target, lufs=lufs, ceiling=ceiling),
        twice=True,
    )
