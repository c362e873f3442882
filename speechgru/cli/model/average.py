"""speechgru model average: one model from several epochs of a run."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from speechgru.errors import UsageError

HELP = "Average the weights of several checkpoints of a run"
EXAMPLES = """\
  speechgru train english-small trainer.keep=5
  speechgru model average runs/english-small/epoch-*.safetensors -o runs/english-small/averaged.safetensors
  speechgru compare runs/english-small/best.safetensors runs/english-small/averaged.safetensors dev.jsonl

Only a new file is written: score it on dev recordings before you use it in place of another. The checkpoints must
be of one network: the same sizes, features and symbols.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument("models", nargs="+", metavar="FILE", help="two checkpoints or more")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="the file to write")
    targets.add_overwrite(parser)


def run(args: argparse.Namespace) -> int:
    from speechgru.cli import _targets as targets

    target = Path(args.output)
    if len(args.models) < 2:
        raise UsageError(f"A mean wants two checkpoints or more, got only {args.models[0]}.")
    targets.check(("-o", args.output), overwrite=args.overwrite, sources=args.models)
    from speechgru.models import averaging, checkpoint

    mean = averaging.average(args.models)
    checkpoint.save(target, mean.kind, mean.header, mean.tensors)
    print(f"{target}: the mean of {len(args.models)} checkpoints")
    if mean.kind == "acoustic":
        command = shlex.join(["speechgru", "compare", args.models[0], str(target)])
        print(f"Score it before you use it: {command} DEV.jsonl")
    return 0
