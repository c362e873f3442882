"""speechgru train: a recipe to a model and a report."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path

from speechgru.errors import UsageError

HELP = "Train a model from a recipe, and report what it can do"
EXAMPLES = """\
  speechgru train --list
  speechgru train digits corpus.root=data
  speechgru train english-small corpus.root=data trainer.epochs=10 output=runs/short
  speechgru train english-small corpus.root=data --resume
  speechgru train english-small corpus.root=data --dry-run
  speechgru train my_recipes/own schedule=linear optimizer.lr=0.0005
  speechgru train digits optimizer=adam,rmsprop 'model.layers=range(1,4)' --multirun

A recipe is a name (digits, english-small, ...), a folder with a recipe.yaml, or a .yaml file. Settings are
changed by key=value; `--show` prints them all. corpus.root is the folder of the recordings; without it the
environment variable SPEECHGRU_DATA is taken. Results go to output=FOLDER, by default runs/NAME: best.safetensors
(for `transcribe --model`), report.md, report.json, manifests/, last.pt (for --resume).

With --multirun a setting may have several values (1e-3,3e-3 or range(1,4) or choice(a,b)): every combination is
trained in FOLDER/multirun/, and compared in multirun.md there. --resume then passes over those that are finished.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="name, folder or .yaml file of a recipe")
    parser.add_argument(
        "--list", action="store_true", help="print the recipes that come with the package and stop"
    )
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE", help="settings to change")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the output folder")
    parser.add_argument("--multirun", action="store_true", help="train with each of several values")
    parser.add_argument("--dry-run", action="store_true", help="measure a few steps, print the plan and stop")
    parser.add_argument("--show", action="store_true", help="print the composed recipe and stop")


def run(args: argparse.Namespace) -> int:
    if args.list:
        return _list(args)
    if args.recipe is None:
        raise UsageError("Not given: RECIPE. speechgru train --list prints all of them.")
    if args.multirun:
        return _multirun(args)
    from speechgru.cli import _recipes as recipes
    from speechgru.config.compose import to_yaml

    recipe = recipes.load(args.recipe, args.overrides)
    if args.show:
        print(to_yaml(recipe), end="")
        return 0
    from speechgru.training import distributed
    from speechgru.utils import console

    is_main = distributed.place().is_main
    level = logging.INFO if is_main and not args.quiet else logging.WARNING if is_main else logging.ERROR
    console.log(level)

    command = shlex.join(["speechgru", "train", args.recipe, *args.overrides])
    try:
        from speechgru.training import run as training_run

        if args.dry_run:
            print(training_run.plan(recipe))
            return 0
        finished = training_run.train(
            recipe,
            args.overrides,
            command=command,
            resume=args.resume,
            quiet=args.quiet,
        )
    except KeyboardInterrupt:
        return _stopped(recipe.output, command) if is_main else 130
    if not is_main:
        return 0
    for name, evaluation in finished.evaluations.items():
        print(f"== {name}\n{evaluation.describe()}")
    if recipe.task == "ctc":
        dev = [str(finished.folder / "manifests" / f"{name}.jsonl") for name in recipe.corpus.dev]
        calibrate = shlex.join(["speechgru", "model", "calibrate", str(finished.model), *dev])
        print(f"confidences, word times and search weights that fit it: {calibrate}")
    print(f"model: {finished.model}\nreport: {finished.folder / 'report.md'}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from speechgru.config.files import describe, recipes
    from speechgru.utils.tables import aligned

    if args.recipe is not None:
        raise UsageError(f"--list prints all recipes; leave out {args.recipe}, or pass --show instead.")
    print("\n".join(aligned([(name, *describe(name)) for name in recipes()])))
    return 0


def _multirun(args: argparse.Namespace) -> int:
    """Every combination, one after another. 1 where one of them failed: it is named, the others are trained."""
    if args.show or args.dry_run:
        raise UsageError("--multirun trains; leave out --show and --dry-run, or give one value a setting.")
    from speechgru.cli import _recipes as recipes
    from speechgru.training import distributed
    from speechgru.training.search import grid
    from speechgru.utils import console

    if distributed.place().size > 1:
        raise UsageError("--multirun runs in one process; call torchrun once for each combination instead.")
    with recipes.usage(args.recipe):
        chosen = grid.variants(args.recipe, args.overrides)
    console.log(logging.WARNING if args.quiet else logging.INFO)
    try:
        outcomes = grid.train(chosen, resume=args.resume, quiet=args.quiet)
    except KeyboardInterrupt:
        command = shlex.join(["speechgru", "train", args.recipe, *args.overrides, "--multirun", "--resume"])
        print(f"Stopped; what is finished stays so. Go on with: {command}", file=sys.stderr)
        return 130
    written = grid.write(chosen[0].folder.parent, args.recipe, chosen, outcomes)
    print(grid.to_markdown(outcomes))
    print(f"table: {written[0]}")
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        print(f"speechgru: error: {outcome.name} failed: {outcome.error}", file=sys.stderr)
    return int(bool(failed))


def _stopped(folder: str, command: str) -> int:
    """Say what Ctrl-C left: it may come before the first state is saved, while training, or after."""
    if (Path(folder) / "last.pt").is_file():
        print(f"Stopped; the state is saved. Go on with: {command} --resume", file=sys.stderr)
    else:
        print("Stopped; nothing was saved yet, so there is nothing to resume.", file=sys.stderr)
    return 130
