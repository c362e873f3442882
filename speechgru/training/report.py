"""A training run's scores with all it takes to repeat them: report.json, report.md and a learning curve."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from speechgru.data.preparation import CorpusUse
from speechgru.utils import dependencies
from speechgru.utils.files import atomic_path, write_text
from speechgru.utils.tables import table

CURVE = "learning_curve.png"


class Result(Protocol):
    """What a model scores on one set, whatever it does."""

    def to_dict(self) -> dict[str, Any]:
        """Every number, ready for JSON."""

    def cells(self) -> dict[str, str]:
        """Its row in a report, by column."""

    def note(self) -> str:
        """How the row is to be read, in a sentence or two."""

    def details(self) -> str:
        """More than a row can say, in Markdown; empty where there is nothing more."""

    def describe(self) -> str:
        """A few lines for people."""


@dataclass(frozen=True)
class Curve:
    """Which figure of `Report.history` is drawn beside the loss: its key, how the axis is called, a factor."""

    key: str
    label: str
    factor: float = 1.0


@dataclass(frozen=True)
class Report:
    """What a run gave and what made it. Leave out what isn't known; it is then left out of the files.

    `dropped` counts the utterances left out, by split and reason. Each dict of `history` is one evaluated
    epoch; `epoch`, `train_loss` and the figure that `curve` names are drawn, other keys are kept in report.json.
    """

    recipe: str
    command: str
    seed: int
    evaluations: Mapping[str, Result]
    overrides: Sequence[str] = ()
    commit: str = ""
    epoch: int | None = None
    checkpoint: str = ""
    parameters: int | None = None
    corpora: Sequence[CorpusUse] = ()
    dropped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    training_seconds: float | None = None
    device: str = ""
    threads: int | None = None
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    history: Sequence[Mapping[str, Any]] = ()
    curve: Curve = Curve("dev_wer", "dev WER, %", 100)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers, without importing them."""
    installed = {"python": platform.python_version()}
    for name in ("speechgru", "torch", "torchaudio", "numpy", "jiwer"):
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed[name] = "not installed"
    return installed


def write_report(folder: str | Path, report: Report) -> list[Path]:
    """Write report.json, report.md and, once there is a loss to draw, the learning curve into `folder`.

    Everything is composed before anything is written, and each file is written whole or not at all.

    Returns:
        the files written.
    """
    folder = Path(folder)
    curve = len(_points(report.history, "train_loss")) > 0 and dependencies.is_installed("matplotlib")
    texts = {
        "report.json": json.dumps(to_dict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": to_markdown(report, curve=curve),
    }
    written = [draw_curve(folder / CURVE, report.history, report.curve)] if curve else []
    for name, content in texts.items():
        write_text(folder / name, content)
        written.append(folder / name)
    return written


def to_dict(report: Report) -> dict[str, Any]:
    """Every field, ready for JSON: a number that is NaN or infinite is None."""
    names = [f.name for f in dataclasses.fields(report) if f.name not in ("evaluations", "curve")]
    fields = {name: getattr(report, name) for name in names}
    fields["corpora"] = [corpus.to_dict() for corpus in report.corpora]
    scores = {name: evaluation.to_dict() for name, evaluation in report.evaluations.items()}
    plain: dict[str, Any] = _plain({"scores": scores, **fields})
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def to_markdown(report: Report, curve: bool = False) -> str:
    """The report for people, in Markdown. `curve`: refer to the picture beside it."""
    parts = [f"# {report.recipe}", _scores(report.evaluations), _provenance(report)]
    if report.corpora:
        unit = next((u for u in ("words", "steps") if any(getattr(c, u) for c in report.corpora)), "hours")
        rows = [(c.name, _amount(c), c.licence, c.source) for c in report.corpora]
        parts += ["## Trained on", table(("corpus", unit, "licence", "source"), rows)]
    if report.dropped:
        counts = [(split, why, str(n)) for split, whys in report.dropped.items() for why, n in whys.items()]
        parts += ["## Left out", table(("split", "reason", "number"), counts) if counts else "Nothing."]
    if curve:
        parts += ["## Learning curve", f"![Training loss and dev score per epoch]({CURVE})"]
    return "\n\n".join(parts) + "\n"


def _amount(use: CorpusUse) -> str:
    return f"{use.words or use.steps:,}" if use.words or use.steps else f"{use.hours:.2f}"


def _scores(evaluations: Mapping[str, Result]) -> str:
    """A row a set, and below the table what all of them say about it."""
    if not evaluations:
        return "No set was evaluated."
    cells = {name: result.cells() for name, result in evaluations.items()}
    head = ("set", *next(iter(cells.values())))
    notes = dict.fromkeys(result.note() for result in evaluations.values())
    rows = table(head, [(name, *row.values()) for name, row in cells.items()])
    details = {name: result.details() for name, result in evaluations.items()}
    more = [f"### {name}\n\n{text}" for name, text in details.items() if text]
    return "\n\n".join([rows, *notes, *more])


def _provenance(report: Report) -> str:
    rows = [
        ("command", f"`{report.command}`"),
        ("overrides", " ".join(f"`{override}`" for override in report.overrides) or "none"),
        ("seed", str(report.seed)),
        ("commit", report.commit),
        ("checkpoint", report.checkpoint),
        ("epoch", _or_blank(report.epoch, "{}")),
        ("parameters", _or_blank(report.parameters, "{:,}")),
        ("training time", _or_blank(report.training_seconds, "{:.0f} s")),
        ("device", report.device),
        ("threads", _or_blank(report.threads, "{}")),
        ("versions", ", ".join(f"{name} {version}" for name, version in report.versions.items())),
    ]
    return "## How it was made\n\n" + table(("", ""), [row for row in rows if row[1]])


def _or_blank(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _points(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    """(epoch, value) of the epochs that have a finite `key`."""
    pairs = [(float(row["epoch"]), row.get(key)) for row in history]
    return [(epoch, float(value)) for epoch, value in pairs if value is not None and math.isfinite(value)]


def draw_curve(path: str | Path, history: Sequence[Mapping[str, Any]], curve: Curve) -> Path:
    """Draw training loss and, on its own axis, the dev figure that `curve` names over epochs as a PNG."""
    # Figure without pyplot: no display, no state left behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    loss = figure.subplots()
    epochs, values = zip(*_points(history, "train_loss"), strict=True)
    loss.plot(epochs, values, color="tab:blue", marker="." if len(epochs) < 50 else "")
    loss.set_xlabel("epoch")
    loss.set_ylabel("training loss", color="tab:blue")
    if dev := _points(history, curve.key):
        score = loss.twinx()
        epochs, values = zip(*dev, strict=True)
        scaled = [curve.factor * value for value in values]
        score.plot(epochs, scaled, color="tab:red", marker="." if len(epochs) < 50 else "")
        score.set_ylabel(curve.label, color="tab:red")
        score.set_ylim(bottom=0)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return Path(path)
