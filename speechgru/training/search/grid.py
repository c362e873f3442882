"""A grid: a recipe trained with every combination of several settings, one after another, and a table of them all."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from speechgru.config import compose, sweep
from speechgru.errors import SpeechGruError, TrainingError, UsageError
from speechgru.training import curves, receipt
from speechgru.training.search.variant import Variant, as_overrides, variant
from speechgru.utils import dependencies, files, plugins
from speechgru.utils.tables import table

_log = logging.getLogger(__name__)
FOLDER = "multirun"
TABLE, DATA, PICTURE = "multirun.md", "multirun.json", "curves.png"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=+-]+")
_LONGEST = 100  # characters of a folder's name


@dataclass(frozen=True)
class Outcome:
    """What became of a variant. `score` is the best dev score (lower is better), of `epoch`; `scores` are the first
    figure of each held-out set in report.json (WER, accuracy, ...); `error` says why there are none."""

    name: str
    values: dict[str, str]
    folder: str
    score: float | None = None
    epoch: int | None = None
    seconds: float | None = None
    scores: dict[str, float | None] = field(default_factory=dict)
    error: str = ""


def variants(recipe: str, overrides: Sequence[str]) -> list[Variant]:
    """Every combination of what `overrides` name several values of; the first of them varies slowest.

    Raises:
        UsageError: no override names several values.
        ConfigError: a value that the recipe can't take.
    """
    single, several = sweep.parted(overrides)
    if not several:
        raise UsageError(
            "--multirun wants a setting with several values: optimizer.lr=1e-3,3e-3 or model.layers=range(1,4)."
        )
    named = {key: sweep.values(override) for key, override in several.items()}
    choices = [dict(zip(named, values)) for values in itertools.product(*named.values())]
    base = compose.load_recipe(recipe, [*single, *as_overrides(choices[0])])
    home = Path(base.output) / FOLDER
    return [variant(recipe, single, values, home / _name(values), base) for values in choices]


def train(chosen: Sequence[Variant], *, resume: bool = False, quiet: bool = False) -> list[Outcome]:
    """Train each variant that isn't finished yet; one that fails is named, and the others go on.

    Raises:
        TrainingError: without `resume`, some variant was begun before.
        training.Interrupted: Ctrl-C; the state of the variant that ran is saved.
    """
    begun = [one.folder for one in chosen if one.is_begun]
    if begun and not resume:
        raise TrainingError(
            f"{begun[0]} already holds a run. Go on with --resume, choose another output=FOLDER, or delete it."
        )
    outcomes = []
    for number, one in enumerate(chosen, start=1):
        _log.info("== %d of %d: %s", number, len(chosen), one.name)
        try:
            if not (resume and _is_finished(one)):
                one.train(quiet=quiet)
            outcomes.append(_outcome(one))
        except (SpeechGruError, OSError, RuntimeError, MemoryError) as error:
            failed = _of(one, error=str(error) or type(error).__name__)
            _log.warning("%s failed: %s", failed.name, failed.error)
            outcomes.append(failed)
    return outcomes


def _is_finished(one: Variant) -> bool:
    """Whether its folder holds a finished run of it.

    Raises:
        TrainingError: it holds one with other settings.
    """
    if not (one.folder / receipt.NAME).exists():
        return False
    if (one.folder / "recipe.yaml").read_text(encoding="utf-8") != compose.to_yaml(one.recipe):
        raise TrainingError(
            f"{one.folder} holds a run with other settings (its recipe.yaml). Choose another output=FOLDER, or "
            "delete it."
        )
    return True


def _of(one: Variant, **figures: Any) -> Outcome:
    return Outcome(one.name, dict(one.values), str(one.folder), **figures)


def _report(folder: Path | str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    return report


def _outcome(one: Variant) -> Outcome:
    """A finished run's figures, from its own files."""
    report = _report(one.folder)
    return _of(
        one,
        score=receipt.read(one.folder).score,
        epoch=report["epoch"],
        seconds=report["training_seconds"],
        # Every kind of result begins with the figure that it is known by.
        scores={name: next(iter(score.values())) for name, score in report["scores"].items()},
    )


def ranked(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Best dev score first, what failed last."""
    return sorted(outcomes, key=lambda o: (o.score is None, o.score or 0.0))


def to_markdown(outcomes: Sequence[Outcome]) -> str:
    """A table, best first."""
    keys = list(outcomes[0].values)
    sets = list(dict.fromkeys(name for outcome in outcomes for name in outcome.scores))
    rows = [
        [
            *(outcome.values[key] for key in keys),
            _figure(outcome.score) or f"failed: {outcome.error}",
            outcome.epoch or "",
            *(_figure(outcome.scores.get(name)) for name in sets),
            "" if outcome.seconds is None else f"{outcome.seconds:.0f}",
        ]
        for outcome in ranked(outcomes)
    ]
    return table([*keys, "dev score", "epoch", *sets, "training s"], rows)


def write(folder: Path, recipe: str, chosen: Sequence[Variant], outcomes: Sequence[Outcome]) -> list[Path]:
    """Write table, figures and learning curves beside the runs' folders; returns the files."""
    curve = plugins.find("tasks", chosen[0].recipe.task).CURVE
    histories = {o.name: _report(o.folder)["history"] for o in ranked(outcomes) if o.score is not None}
    paths = [folder / TABLE, folder / DATA]
    drawn = bool(histories) and dependencies.is_installed("matplotlib")
    if drawn:
        paths.append(curves.draw(folder / PICTURE, histories, curve))
    picture = [f"![Training loss and dev score of each run]({PICTURE})"] if drawn else []
    note = (
        "A row a run, best dev score first; each is trained in the folder of its name. What is chosen by these rows "
        "is chosen by dev: of the test sets, report the chosen run's alone."
    )
    files.write_text(
        folder / TABLE,
        "\n\n".join([f"# {recipe}: {len(outcomes)} runs", to_markdown(outcomes), note, *picture]) + "\n",
    )
    values = {"recipe": recipe, "runs": [asdict(outcome) for outcome in ranked(outcomes)]}
    files.write_text(folder / DATA, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    return paths


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _name(values: dict[str, str]) -> str:
    """A folder's name that says the values; where that takes other or many characters, with a hash besides."""
    plain = ",".join(as_overrides(values))
    name = _UNSAFE.sub("_", plain)
    if name == plain and len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}-{sha256(plain.encode()).hexdigest()[:8]}"
