"""A report as a picture: the histograms of both sets side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechgru.music.evaluation.report import Report
from speechgru.utils.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2
_OWN, _OTHER = "#D55E00", "#0072B2"
_SIZE = (11.0, 2.5)  # inches: of the picture across, of a row
_DPI = 110
# What the first place of a histogram stands for; the places go up by one.
_FIRST = {"note lengths": 1, "melody intervals": -24}
_TEXTS = {
    "pitches": "MIDI pitch",
    "pitch classes from the tonic": "semitones above the tonic",
    "note lengths": "twelfths of a beat",
    "melody intervals": "semitones",
    "onsets in the beat": "twelfth of the beat",
    "pitches at once": "pitches",
}


def save(path: str | Path, report: Report) -> None:
    """Draw a report as a PNG.

    Raises:
        OSError: the picture can't be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(report.histograms) // COLUMNS)
    figure = Figure(figsize=(_SIZE[0], _SIZE[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for number, name in enumerate(report.histograms):
        axes = figure.add_subplot(rows, COLUMNS, number + 1)
        _draw(axes, name, report)
    figure.axes[0].legend(fontsize=8, frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")


def _draw(axes: Axes, name: str, report: Report) -> None:
    own, other = (np.array(shares) for shares in report.histograms[name])
    used = np.flatnonzero(own + other)
    first, last = int(used.min()), int(used.max()) + 1
    places = np.arange(first, last) + _FIRST.get(name, 0)
    axes.bar(places - 0.2, own[first:last], 0.4, color=_OWN, label=f"generated ({report.generated} pieces)")
    axes.bar(
        places + 0.2, other[first:last], 0.4, color=_OTHER, label=f"reference ({report.reference} pieces)"
    )
    distance = report.distances[name]
    axes.set_title(
        f"{name}: {distance.value:.3f} bits apart (by chance up to {distance.chance:.3f})", fontsize=9
    )
    axes.set_xlabel(_TEXTS.get(name, ""), fontsize=8)
    axes.set_ylabel("share", fontsize=8)
    axes.tick_params(labelsize=7)
