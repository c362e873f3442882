"""One recipe trained with several settings, one after another: each in a folder of its own, and a table of them all."""

from __future__ import annotations

import itertools
import json
import logging
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from speechgru.config import compose, sweep
from speechgru.config.recipe import Recipe
from speechgru.errors import SpeechGruError, TrainingError, UsageError
from speechgru.training import curves, receipt, run, state
from speechgru.utils import dependencies, files, plugins
from speechgru.utils.tables import table

_log = logging.getLogger(__name__)
FOLDER = "multirun"
TABLE, DATA, PICTURE = "multirun.md", "multirun.json", "curves.png"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=+-]+")
_LONGEST = 100  # characters of a folder's name


@dataclass(frozen=True)
class Variant:
    """A recipe with one choice of the settings that vary; `values` are these."""

    name: str
    values: dict[str, str]
    overrides: list[str]
    recipe: Recipe

    @property
    def folder(self) -> Path:
        """Of its results."""
        return Path(self.recipe.output)


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
    first = compose.load_recipe(recipe, [*single, *_written(choices[0])])
    cache = first.audio_cache()
    found = []
    for values in choices:
        name = _name(values)
        given = [*single, *_written(values), f"output={Path(first.output) / FOLDER / name}"]
        composed = compose.load_recipe(recipe, given)
        corpus = replace(composed.corpus, cache_folder=str(cache or ""))
        found.append(Variant(name, values, given, replace(composed, corpus=corpus)))
    return found


def _written(values: dict[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]


def train(
    recipe: str, chosen: Sequence[Variant], *, resume: bool = False, quiet: bool = False
) -> list[Outcome]:
    """Train each variant that isn't finished yet; one that fails is named, and the others go on.

    Raises:
        TrainingError: without `resume`, some variant was begun before.
        training.Interrupted: Ctrl-C; the state of the variant that ran is saved.
    """
    begun = [v.folder for v in chosen if (v.folder / state.STATE).exists()]
    if begun and not resume:
        raise TrainingError(
            f"{begun[0]} already holds a run. Go on with --resume, choose another output=FOLDER, or delete it."
        )
    outcomes = []
    for number, variant in enumerate(chosen, start=1):
        _log.info("== %d of %d: %s", number, len(chosen), variant.name)
        try:
            if not (resume and _is_finished(variant)):
                _train(recipe, variant, quiet)
            outcomes.append(_outcome(variant))
        except (SpeechGruError, OSError, RuntimeError, MemoryError) as error:
            message = str(error) or type(error).__name__
            _log.warning("%s failed: %s", variant.name, message)
            outcomes.append(Outcome(variant.name, variant.values, str(variant.folder), error=message))
    return outcomes


def _train(recipe: str, variant: Variant, quiet: bool) -> None:
    run.train(
        variant.recipe,
        variant.overrides,
        composed=compose.to_yaml(variant.recipe),
        command=shlex.join(["speechgru", "train", recipe, *variant.overrides]),
        resume=(variant.folder / state.STATE).exists(),
        quiet=quiet,
    )


def _is_finished(variant: Variant) -> bool:
    """Whether its folder holds a finished run of it.

    Raises:
        TrainingError: it holds one with other settings.
    """
    if not (variant.folder / receipt.NAME).exists():
        return False
    if (variant.folder / "recipe.yaml").read_text(encoding="utf-8") != compose.to_yaml(variant.recipe):
        raise TrainingError(
            f"{variant.folder} holds a run with other settings (its recipe.yaml). Choose another output=FOLDER, or "
            "delete it."
        )
    return True


def _outcome(variant: Variant) -> Outcome:
    """A finished run's figures, from its own files."""
    report = json.loads((variant.folder / "report.json").read_text(encoding="utf-8"))
    return Outcome(
        variant.name,
        variant.values,
        str(variant.folder),
        score=receipt.read(variant.folder).score,
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
    histories = {o.name: _history(o) for o in ranked(outcomes) if o.score is not None}
    written = []
    drawn = bool(histories) and dependencies.is_installed("matplotlib")
    if drawn:
        written.append(curves.draw(folder / PICTURE, histories, curve))
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
    return [folder / TABLE, folder / DATA, *written]


def _history(outcome: Outcome) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = json.loads(
        (Path(outcome.folder) / "report.json").read_text(encoding="utf-8")
    )["history"]
    return history


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _name(values: dict[str, str]) -> str:
    """A folder's name that says the values; where that takes other or many characters, with a hash besides."""
    plain = ",".join(_written(values))
    name = _UNSAFE.sub("_", plain)
    if name == plain and len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}-{sha256(plain.encode()).hexdigest()[:8]}"
