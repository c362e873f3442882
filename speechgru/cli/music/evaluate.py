"""speechgru music evaluate: the field's benchmark table of piano rolls."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from speechgru.cli._options import add_device, add_format
from speechgru.errors import SpeechGruError, UsageError

if TYPE_CHECKING:
    from speechgru.music.evaluation.benchmark import Entry

HELP = "Score models of piano rolls on the benchmark's test pieces, beside published numbers"
EXAMPLES = """\
  speechgru music evaluate runs/jsb_chorales/best.safetensors --data DATA
  speechgru music evaluate runs/jsb-*/best.safetensors runs/nottingham-*/best.safetensors --format markdown

Nats per step: the negative natural log-likelihood of a step's 88 keys, exact; steps 2 to T of each test piece, pooled
over the pieces, as in Bai et al. 2018. Two other conventions stand beside it: all steps, the first predicted from
silence; and the mean of the pieces' own means. `fresh` pieces are those whose first 24 steps have another tune on top,
in whatever key, than all training pieces. Intervals: 95 %, bootstrap over pieces. Of models that differ by their seed
alone, the mean and the standard deviation are added.
"""
COLUMNS = (
    "model",
    "seed",
    "test pieces",
    "nats per step",
    "95 % interval",
    "steps 1 to T",
    "mean of pieces",
    "pieces",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="trained models of piano rolls")
    parser.add_argument(
        "--data", metavar="FOLDER", help="of the corpora (default: the variable SPEECHGRU_DATA)"
    )
    add_format(parser, "markdown")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """1 where a model could not be scored: it is named, and the others are."""
    import json
    from pathlib import Path

    from speechgru.music.evaluation import benchmark

    if args.data and not Path(args.data).is_dir():
        raise UsageError(f"--data {args.data} is no folder; expected the one that holds the corpora.")
    entries, failed = [], False
    for path in args.checkpoints:
        try:
            entries.append(benchmark.evaluate(path, args.data, args.device))
        except SpeechGruError as error:
            failed = True
            print(f"speechgru: error: {error}", file=sys.stderr)
    if args.format == "json":
        print(json.dumps([entry.to_dict() for entry in entries], indent=2))
        return int(failed)
    for number, corpus in enumerate(dict.fromkeys(entry.corpus for entry in entries)):
        rows = _rows(corpus, [entry for entry in entries if entry.corpus == corpus])
        print(("\n" if number else "") + _table(corpus, rows, args.format))
    return int(failed)


def _rows(corpus: str, entries: list[Entry]) -> list[tuple[str, ...]]:
    """Of one corpus: each model, the groups of models that differ by their seed, and what was published."""
    from speechgru.music.evaluation.benchmark import PUBLISHED, summary
    from speechgru.music.models.scores import number, span

    rows: list[tuple[str, ...]] = []
    for entry in entries:
        for name, score in (("all", entry.all), ("fresh", entry.fresh)):
            nats = score.nats
            ends = span(score.intervals["rest"])
            others = number(nats["all"]), number(nats["mean"])
            rows.append(
                (
                    entry.model,
                    str(entry.seed),
                    name,
                    number(nats["rest"]),
                    ends,
                    *others,
                    str(len(score.pieces)),
                )
            )
    for (_, model), means in summary(entries).items():
        seeds = str(sum(entry.model == model for entry in entries))
        for name, key in (("all", "test"), ("fresh", "fresh")):
            mean, deviation = means[key]
            rows.append((model, f"mean of {seeds}", name, f"{mean:.3f} ± {deviation:.3f}", "", "", "", ""))
    rows += [
        (name, "", "all", f"{nats:.2f}", "", "", "", "") for name, nats in PUBLISHED.get(corpus, {}).items()
    ]
    return rows


def _table(corpus: str, rows: list[tuple[str, ...]], form: str) -> str:
    from speechgru.utils.tables import aligned, table

    if form == "markdown":
        return f"## {corpus}\n\n{table(COLUMNS, rows)}"
    return "\n".join([corpus, *(f"  {line}" for line in aligned([COLUMNS, *rows]))])
