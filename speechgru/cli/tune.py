"""speechgru tune: the settings of a recipe that do best on dev, chosen by trial trainings."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import positive, seed
from speechgru.errors import UsageError

if TYPE_CHECKING:
    from speechgru.training.search.study import Search

HELP = "Search a recipe's settings for the best dev score"
EXAMPLES = """\
  speechgru tune digits corpus.root=data
  speechgru tune digits corpus.root=data --trials 40 --minutes 60
  speechgru tune digits corpus.root=data --resume --trials 60
  speechgru tune commands 'optimizer.lr=tag(log,interval(1e-4,1e-2))' model.layers=1,2 schedule=linear
  speechgru tune english-small trainer.epochs=6 --jobs 2

A recipe declares what is searched in its section `tune`; an override with several values, or with an interval, adds
a range or takes the place of one, and an override with one value takes its setting out of the search. The first trial
is the recipe as it is. Trials that do badly are ended early. The best is chosen by its dev score; no test set is looked
at. Results go to output=FOLDER, by default runs/tune-NAME: a table with the best settings (tune.md), the study
(study.db), and a folder for each trial. Ctrl-C keeps what is there; --resume goes on, also with more --trials.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name, folder or .yaml file of a recipe")
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE", help="settings, ranges")
    parser.add_argument("--trials", type=positive, metavar="N", help="in all (default: tune.trials)")
    parser.add_argument(
        "--minutes", type=positive, metavar="M", help="stop after so long, at the end of an epoch"
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="trials at once, each a process (default: 1)"
    )
    parser.add_argument("--seed", type=seed, metavar="N", default=0, help="of what is drawn (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on with the search in the output folder")


def run(args: argparse.Namespace) -> int:
    """1 where no trial came to its end."""
    from speechgru.training import distributed
    from speechgru.utils import dependencies

    if distributed.place().size > 1:
        raise UsageError("tune starts its own processes (--jobs N); call it without torchrun.")
    dependencies.require("optuna", "tune")
    search, trials = _search(args)
    from speechgru.training.search import study, workers

    workers.listen(args.quiet)
    study.begin(search, resume=args.resume)
    again = shlex.join(["speechgru", "tune", args.recipe, *args.overrides])
    code, stopped = 0, ""
    try:
        workers.run(search, study.tickets(search.folder, trials), args.jobs, args.quiet)
    except study.OutOfTimeError:
        stopped = "Time is up"
    except KeyboardInterrupt:
        stopped, code = "Stopped", 130
    code = max(code, _report(search))
    if stopped:
        options = [f"--trials {trials}"] + ([f"--seed {args.seed}"] if args.seed else [])
        print(f"{stopped}; go on with: {again} {' '.join(options)} --resume", file=sys.stderr)
    return code


def _search(args: argparse.Namespace) -> tuple[Search, int]:
    """What is to be searched, and how many trials there are to be."""
    from speechgru.cli import _recipes as recipes
    from speechgru.config import load_recipe, sweep
    from speechgru.config.compose import split
    from speechgru.training.search.study import Search

    with recipes.usage(args.recipe):
        single, several = sweep.parted(args.overrides)
        spans = sweep.spans(several)
        recipe = load_recipe(args.recipe, single, spans)
    fixed = {split(override)[0] for override in single}
    ranges = {key: span for key, span in recipe.tune.ranges.items() if key not in fixed}
    if not ranges:
        raise UsageError(
            f"There is nothing to search: {recipe.name} declares no ranges (or all are given one value). Pass some, as "
            "in 'optimizer.lr=tag(log,interval(1e-4,1e-2))' or model.layers=2,3."
        )
    own_folder = any(split(override)[0] == "output" for override in single)
    folder = Path(recipe.output) if own_folder else Path("runs") / f"tune-{recipe.name}"
    search = Search(
        args.recipe,
        tuple(single),
        ranges,
        folder,
        seed=args.seed,
        threads=_threads(args.jobs),
        until=time.time() + 60 * args.minutes if args.minutes else float("inf"),
    )
    return search, args.trials or recipe.tune.trials


def _threads(jobs: int) -> int:
    """Of each of several processes: its share of the processor's cores."""
    return 0 if jobs == 1 else max(1, len(os.sched_getaffinity(0)) // jobs)


def _report(search: Search) -> int:
    """Write and print the results."""
    from speechgru.training.search import report, study

    trials = study.results(search)
    if not trials:
        return 1
    written = report.write(search, trials)
    print(report.to_markdown(search, trials))
    for trial in trials:
        if trial.failure:
            print(f"speechgru: trial {trial.number} failed: {trial.failure}", file=sys.stderr)
    print(f"table: {written[0]}")
    best = study.best(trials)
    if best is None:
        print("speechgru: no trial came to its end; there is no best one", file=sys.stderr)
        return 1
    print(
        f"best: trial {best.number}, dev score {best.score:.4f}. Train with its values:\n{report.command(search, best)}"
    )
    return 0
