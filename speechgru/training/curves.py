"""Learning curves of several runs in one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speechgru.training.report import Curve
from speechgru.utils.files import atomic_path

MOST = 10  # lines that a legend can still name


def draw(
    path: str | Path, histories: Mapping[str, Sequence[Mapping[str, Any]]], curve: Curve, title: str = ""
) -> Path:
    """Draw training loss (left) and the dev figure that `curve` names (right) over epochs, a line a run, as a PNG.

    Args:
        histories: by what a run is called, best first: a row an epoch, as in report.json. Runs beyond the first MOST
            are drawn in grey, without a name.
        curve: as a task's CURVE.

    Returns:
        `path`.
    """
    # Figure without pyplot: no display, no state left behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, key, label, factor in (
        (panels[0], "train_loss", "training loss", 1.0),
        (panels[1], curve.key, curve.label, curve.factor),
    ):
        for number, (name, history) in enumerate(histories.items()):
            points = [
                (row["epoch"], factor * row[key])
                for row in history
                if row.get(key) is not None and math.isfinite(row[key])
            ]
            if points:
                named = number < MOST
                axes.plot(
                    *zip(*points),
                    color=f"C{number}" if named else "0.8",
                    label=name if named else None,
                    zorder=2 if named else 1,
                )
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    panels[1].set_ylim(bottom=0)
    if panels[1].lines:
        for text in panels[1].legend(fontsize=8).get_texts():
            text.set_parse_math(False)  # "$" in a name is no formula
    if title:
        figure.suptitle(title).set_parse_math(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return Path(path)
