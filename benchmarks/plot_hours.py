"""How the error falls with the hours of training speech, and what more of it would give: a table and a picture.

    python benchmarks/plot_hours.py runs/hours-25 runs/hours-50 runs/hours-100 --png hours.png

Reads the report.json of runs that differ by their training lists alone, and `scores.json` beside it where there is one
(as `speechgru evaluate --format json MANIFEST... > scores.json` prints it): the scores with the model's own search.
Through the points of each dev set goes the power law error = a * hours ** -b (Hestness et al. 2017), fitted by least
squares of the logarithms. Its range comes from drawing every point anew, normally within its own 95 % interval; since
all runs are scored on the same speech, that is rather too wide. Three points can't tell whether the
law holds further out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import SpeechGruError
from speechgru.evaluation.recognition import interval_text, percent
from speechgru.utils import files
from speechgru.utils.tables import table

DRAWS = 10_000
NORMAL_95 = 1.96
GREEDY, SEARCH = "greedy", "search"


@dataclass(frozen=True)
class Points:
    """The error of one dev set, in [0, 1], with its 95 % intervals, at several hours: [runs] and [runs, 2]."""

    name: str
    hours: NDArray[np.float64]
    errors: NDArray[np.float64]
    intervals: NDArray[np.float64]

    def law(self) -> tuple[float, float]:
        """a and b of error = a * hours ** -b."""
        slope, offset = np.polyfit(np.log(self.hours), np.log(self.errors), 1)
        return float(np.exp(offset)), float(-slope)

    def at(self, hours: float, seed: int = 0) -> tuple[float, tuple[float, float]]:
        """The law's error at so many hours, and its 95 % range."""
        a, b = self.law()
        spread = (self.intervals[:, 1] - self.intervals[:, 0]) / 2 / NORMAL_95
        drawn = np.random.default_rng(seed).normal(self.errors, spread, (DRAWS, len(self.errors)))
        slopes, offsets = np.polyfit(np.log(self.hours), np.log(drawn.clip(1e-4)).T, 1)
        low, high = np.percentile(np.exp(offsets + slopes * np.log(hours)), [2.5, 97.5])
        return a * hours**-b, (float(low), float(high))


def read(runs: Sequence[Path]) -> list[Points]:
    """The points of each dev set and way of reading, over the runs in order of their hours."""
    found: dict[str, list[tuple[float, float, Sequence[float]]]] = {}
    for run in runs:
        report = _json(run / "report.json")
        hours = sum(corpus["hours"] for corpus in report["corpora"])
        ways = {GREEDY: report["scores"]}
        if (run / "scores.json").exists():
            ways[SEARCH] = {Path(name).stem: row for name, row in _json(run / "scores.json").items()}
        for way, scores in ways.items():
            for name, row in scores.items():
                if name.startswith("dev"):
                    found.setdefault(f"{name}, {way}", []).append((hours, row["wer"], row["interval"]))
    points = []
    for name, rows in found.items():
        if len(rows) != len(runs):
            raise SpeechGruError(
                f"{name}: {len(rows)} of {len(runs)} runs have it; expected all. Score the others."
            )
        hours, errors, intervals = (np.array(column) for column in zip(*sorted(rows), strict=True))
        if len(set(hours)) < 2:
            raise SpeechGruError(
                "All runs learnt from the same hours; expected runs on lists of different length."
            )
        points.append(Points(name, hours, errors, intervals))
    return points


def tables(points: Sequence[Points], more: Sequence[float]) -> str:
    """What was measured, and what the law says of `more` hours, in Markdown."""
    hours = points[0].hours
    measured = [
        (p.name, *(f"{percent(e)} ({interval_text(i)})" for e, i in zip(p.errors, p.intervals)))
        for p in points
    ]
    predicted = []
    for each in points:
        a, b = each.law()
        cells = [f"{percent(error)} ({interval_text(around)})" for error, around in map(each.at, more)]
        predicted.append((each.name, f"{100 * a:.1f} % h^-{b:.2f}", *cells))
    return "\n\n".join(
        [
            table(("WER", *(f"{h:.2f} h" for h in hours)), measured),
            table(("WER, if the law holds", "law", *(f"{h:g} h" for h in more)), predicted),
        ]
    )


def draw(path: Path, points: Sequence[Points], more: Sequence[float]) -> None:
    """Both axes logarithmic: points with their intervals, the laws dashed as far as `more` hours."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, each in enumerate(points):
        errors, colour = 100 * each.errors, f"C{number}"
        around = np.abs(100 * each.intervals.T - errors)
        axes.errorbar(each.hours, errors, yerr=around, fmt="o", capsize=3, color=colour, label=each.name)
        along = np.geomspace(each.hours[0], max([*more, each.hours[-1]]), 50)
        a, b = each.law()
        axes.plot(along, 100 * a * along**-b, "--", color=colour, linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="hours of training speech", ylabel="dev WER, %")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_yticks([10, 20, 30, 40, 50, 60, 80, 100])
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    with files.atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpeechGruError(
            f"{path} doesn't exist; expected a run that `speechgru train` finished."
        ) from None
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--more", type=float, nargs="+", default=[15, 100, 960], metavar="HOURS")
    parser.add_argument("--png", type=Path, metavar="FILE")
    args = parser.parse_args()
    points = read(args.runs)
    print(tables(points, args.more))
    if args.png:
        draw(args.png, points, args.more)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SpeechGruError as error:
        sys.exit(f"error: {error}")
