"""speechgru reproduce: a run once more, and whether it came out the same."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys

from speechgru.errors import UsageError
from speechgru.utils import console

HELP = "Run a finished training again, and say whether the weights are the same"
EXAMPLES = """\
  speechgru reproduce runs/digits/receipt.json
  speechgru reproduce runs/digits output=runs/again corpus.root=/other/place
  torchrun --nproc-per-node 2 -m speechgru reproduce runs/english-small

The recipe, its overrides, the seed and the data must be those of the receipt; other versions are named and tried.
Results go to output=FOLDER, by default the old folder's name and `-again`. Exit code 0 if the weights are the same to
the bit, 1 if not.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("receipt", metavar="RECEIPT", help="receipt.json of a run, or the run's folder")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="KEY=VALUE", help="where data and results are now"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a repetition that was interrupted")


def run(args: argparse.Namespace) -> int:
    from speechgru.cli import _recipes as recipes
    from speechgru.config import files
    from speechgru.training import distributed
    from speechgru.training import receipt as receipts
    from speechgru.training import run as training_run
    from speechgru.training.report import versions

    receipt, group = receipts.read(args.receipt), distributed.place()
    if receipt.processes != group.size:
        command = shlex.join(["speechgru", "reproduce", args.receipt, *args.overrides])
        launcher = f"torchrun --nproc-per-node {receipt.processes} -m " if receipt.processes > 1 else ""
        raise UsageError(
            f"The run had {receipt.processes} processes, this has {group.size}. Type: {launcher}{command}"
        )
    level = logging.INFO if group.is_main and not args.quiet else logging.WARNING
    console.log(level)
    recipe = receipt.recipe if receipt.recipe in files.recipes() else receipt.folder
    overrides = [*receipt.overrides, *_output(receipt.overrides, receipt.recipe), *args.overrides]
    composed = recipes.load(recipe, overrides)
    notes = receipt.differences(versions(), training_run.commit())
    if group.is_main:
        for note in notes:
            print(f"speechgru: note: {note}", file=sys.stderr)
    finished = training_run.train(
        composed,
        overrides,
        command=shlex.join(["speechgru", "train", recipe, *overrides]),
        resume=args.resume,
        quiet=args.quiet,
        expected=receipt,
    )
    if not group.is_main:
        return 0
    again = receipts.read(finished.folder)
    same = again.weights == receipt.weights
    print(f"dev score: {receipt.score:.6g} then, {again.score:.6g} now")
    print(f"weights: {'the same to the bit' if same else 'not the same'}")
    print(f"model: {finished.model}\nreport: {finished.folder / 'report.md'}")
    return 0 if same else 1


def _output(overrides: list[str], name: str) -> list[str]:
    """Where the repetition goes: beside the first run."""
    given = [value.partition("=")[2] for value in overrides if value.startswith("output=")]
    return [f"output={given[-1] if given else f'runs/{name}'}-again"]
