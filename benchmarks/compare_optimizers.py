"""Learning curves of a --multirun's best run for each value of one setting, in one picture, and their table.

    speechgru train digits optimizer=adamw,adam,rmsprop optimizer.lr=0.0005,0.001,0.002,0.004 --multirun
    python benchmarks/compare_optimizers.py runs/digits/multirun -o recipes/digits/optimizers.png

An optimizer is only as good as its learning rate, so each is shown with the one that does best on dev. --by takes any
setting of the sweep (by default `optimizer`); the table is printed in Markdown. With a small dev set a difference may
be chance: `speechgru compare A B MANIFEST` says whether it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from speechgru.config import load_recipe
from speechgru.training import curves
from speechgru.training.search.grid import DATA
from speechgru.utils import plugins
from speechgru.utils.tables import table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of a --multirun")
    parser.add_argument(
        "--by", default="optimizer", metavar="KEY", help="the setting to compare (default: optimizer)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PNG")
    args = parser.parse_args()
    runs = json.loads((args.folder / DATA).read_text(encoding="utf-8"))["runs"]
    best = choose(runs, args.by)
    if not best:
        print(f"No finished run of {args.folder} varies {args.by}.", file=sys.stderr)
        return 1
    recipe = load_recipe(Path(next(iter(best.values()))["folder"]) / "recipe.yaml", ["corpus.splits="])
    histories = {describe(run): report(run)["history"] for run in best.values()}
    curves.draw(
        args.output, histories, plugins.find("tasks", recipe.task).CURVE, f"{recipe.name}, best of each"
    )
    others = [key for key in next(iter(best.values()))["values"] if key != args.by]
    sets = list(next(iter(best.values()))["scores"])
    rows = [
        [value, *(run["values"][key] for key in others), f"{run['score']:.4f}", run["epoch"]]
        + [f"{run['scores'][name]:.4f}" for name in sets]
        + [f"{run['seconds']:.0f}"]
        for value, run in best.items()
    ]
    print(
        table([args.by, *(f"best {key}" for key in others), "dev score", "epoch", *sets, "training s"], rows)
    )
    return 0


def choose(runs: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    """The run with the best dev score of each value of `key`, best first."""
    best: dict[str, dict[str, Any]] = {}
    for run in sorted(
        (r for r in runs if r["score"] is not None and key in r["values"]), key=lambda r: r["score"]
    ):
        best.setdefault(run["values"][key], run)
    return best


def describe(run: dict[str, Any]) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in run["values"].items())


def report(run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(run["folder"]) / "report.json").read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
