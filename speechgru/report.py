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
from typing import Any

from speechgru.evaluation import Evaluation, interval_text, percent, resampled_text
from speechgru.files import atomic_path, write_text

CURVE = "learning_curve.png"


@dataclass(frozen=True)
class CorpusUse:
    """A corpus that was trained on. `hours` of training speech."""

    name: str
    licence: str
    source: str
    hours: float


@dataclass(frozen=True)
class Report:
    """What a run gave and what made it. Leave out what isn't known; it is then left out of the files.

    `dropped` counts the utterances left out, by split and reason. Each dict of `history` is one evaluated
    epoch; `epoch`, `train_loss` and `dev_wer` (a fraction) are drawn, other keys are kept in report.json.
    """

    recipe: str
    command: str
    seed: int
    evaluations: Mapping[str, Evaluation]
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


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers, without importing them."""
    found = {"python": platform.python_version()}
    for name in ("speechgru", "torch", "torchaudio", "numpy", "jiwer"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def write_report(folder: str | Path, report: Report) -> list[Path]:
    """Write report.json, report.md and, once there is a loss to draw, the learning curve into `folder`.

    Everything is composed before anything is written, and each file is written whole or not at all.

    Returns:
        the files written.
    """
    folder = Path(folder)
    curve = len(_points(report.history, "train_loss")) > 0
    texts = {
        "report.json": json.dumps(to_dict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": to_markdown(report, curve=curve),
    }
    written = [draw_curve(folder / CURVE, report.history)] if curve else []
    for name, content in texts.items():
        write_text(folder / name, content)
        written.append(folder / name)
    return written


def to_dict(report: Report) -> dict[str, Any]:
    """Every field, ready for JSON: a number that is NaN or infinite is None."""
    fields = {f.name: getattr(report, f.name) for f in dataclasses.fields(report) if f.name != "evaluations"}
    fields["corpora"] = [dataclasses.asdict(corpus) for corpus in report.corpora]
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
        rows = [(c.name, f"{c.hours:.2f}", c.licence, c.source) for c in report.corpora]
        parts += ["## Trained on", _table(("corpus", "hours", "licence", "source"), rows)]
    if report.dropped:
        counts = [(split, why, str(n)) for split, whys in report.dropped.items() for why, n in whys.items()]
        parts += ["## Left out", _table(("split", "reason", "utterances"), counts) if counts else "Nothing."]
    if curve:
        parts += ["## Learning curve", f"![Training loss and dev WER per epoch]({CURVE})"]
    return "\n\n".join(parts) + "\n"


def _scores(evaluations: Mapping[str, Evaluation]) -> str:
    head = (
        "set",
        "WER",
        "95 % interval",
        "taken over",
        "words",
        "S / I / D",
        "CER",
        "hours",
        "RTF",
        "not scored",
    )
    rows = []
    for name, evaluation in evaluations.items():
        score = evaluation.score
        rows.append(
            (
                *(
                    name,
                    percent(score.wer),
                    interval_text(score.interval),
                    resampled_text(score),
                    str(score.words),
                ),
                f"{score.substitutions} / {score.insertions} / {score.deletions}",
                *(percent(score.cer), f"{evaluation.audio_seconds / 3600:.2f}"),
                *(f"{evaluation.real_time_factor:.4f}", str(len(evaluation.failed))),
            )
        )
    normalisers = sorted({evaluation.score.normaliser for evaluation in evaluations.values()})
    note = (
        "WER and CER are pooled over all utterances; S / I / D: substituted, inserted, deleted words; the "
        f"interval is a percentile bootstrap; texts are normalised by {', '.join(normalisers)}; RTF: seconds "
        "of work per second of audio; not scored: recordings that could not be read."
    )
    return f"{_table(head, rows)}\n\n{note}" if rows else "No set was evaluated."


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
    return "## How it was made\n\n" + _table(("", ""), [row for row in rows if row[1]])


def _or_blank(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    # A bar would open a new cell, a line break a new row.
    return "\n".join(
        "| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in line) + " |" for line in lines
    )


def _points(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    """(epoch, value) of the epochs that have a finite `key`."""
    pairs = [(float(row["epoch"]), row.get(key)) for row in history]
    return [(epoch, float(value)) for epoch, value in pairs if value is not None and math.isfinite(value)]


def draw_curve(path: str | Path, history: Sequence[Mapping[str, Any]]) -> Path:
    """Draw training loss and, on its own axis, dev WER in per cent over epochs as a PNG."""
    # Figure without pyplot: no display, no state left behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    loss = figure.subplots()
    epochs, values = zip(*_points(history, "train_loss"), strict=True)
    loss.plot(epochs, values, color="tab:blue", marker="." if len(epochs) < 50 else "")
    loss.set_xlabel("epoch")
    loss.set_ylabel("training loss", color="tab:blue")
    if dev := _points(history, "dev_wer"):
        wer = loss.twinx()
        epochs, values = zip(*dev, strict=True)
        wer.plot(
            epochs, [100 * value for value in values], color="tab:red", marker="." if len(epochs) < 50 else ""
        )
        wer.set_ylabel("dev WER, %", color="tab:red")
        wer.set_ylim(bottom=0)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return Path(path)
