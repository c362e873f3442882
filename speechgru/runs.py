"""One training run from a recipe to a report: prepare, fit, evaluate the saved file as a user would."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from speechgru import checkpoint, files, manifest, plugins, preparation, training
from speechgru.ctc import CtcTask, build_model
from speechgru.errors import ConfigError, TrainingError
from speechgru.evaluation import Evaluation, evaluate
from speechgru.features.spectral import Settings as FeatureSettings
from speechgru.preparation import Data
from speechgru.recipe import Recipe
from speechgru.recognizer import load_recognizer
from speechgru.report import CorpusUse, Report, versions, write_report

_log = logging.getLogger(__name__)
BEST = "best.safetensors"


@dataclass(frozen=True)
class Run:
    """A finished run: where its model and report are, and the scores by split."""

    folder: Path
    model: Path
    evaluations: dict[str, Evaluation]


def train(
    recipe: Recipe,
    overrides: Sequence[str] = (),
    *,
    composed: str = "",
    command: str = "",
    resume: bool = False,
    quiet: bool = False,
) -> Run:
    """Train what `recipe` says in `recipe.output`, evaluate the best epoch on its dev and test sets, report.

    Args:
        overrides, command: how the recipe was called, for the report.
        composed: the whole recipe as YAML, kept beside the result.
        resume: go on from `last.pt` in the output folder.
        quiet: no progress bars.

    Raises:
        ConfigError, CorpusError, TrainingError: with what to do.
        training.Interrupted: Ctrl-C; the state is saved.
    """
    folder = Path(recipe.output)
    _refuse_overwriting(folder, resume)
    device = _device(recipe.trainer.device)
    if recipe.trainer.threads:
        torch.set_num_threads(recipe.trainer.threads)
    data = preparation.prepare(recipe, _frames_per_second(recipe), folder / "manifests")
    files.write_text(folder / "recipe.yaml", composed or json.dumps(asdict(recipe), indent=2, default=str))
    uses = _uses(recipe, data)
    commit = _commit()
    provenance = {
        "recipe": recipe.name,
        "overrides": list(overrides),
        "seed": recipe.seed,
        "commit": commit,
        "corpora": [asdict(use) for use in uses],
        "trained_hours": round(sum(data.hours.values()), 3),
        "versions": versions(),
    }
    cache = folder.parent / "audio-cache" if recipe.corpus.cache else None
    task = CtcTask(recipe, data, device, cache, provenance)
    _log.info(
        "%d training utterances, %.2f h; %.2f M parameters; %s, %s",
        len(data.train),
        sum(data.hours.values()),
        sum(p.numel() for p in task.model.parameters()) / 1e6,
        device,
        str(training.precision(recipe.trainer.precision, device)).removeprefix("torch."),
    )
    progress = training.fit(
        task,
        folder,
        seed=recipe.seed,
        optimizing=recipe.optimizer,
        schedule=recipe.schedule,
        trainer=recipe.trainer,
        fingerprint=_fingerprint(recipe, data),
        resume=resume,
        quiet=quiet,
    )
    evaluations = _evaluate(folder / BEST, data, recipe)
    report = Report(
        recipe=recipe.name,
        command=command,
        seed=recipe.seed,
        evaluations=evaluations,
        overrides=list(overrides),
        commit=commit,
        epoch=progress.best_epoch + 1,
        checkpoint=BEST,
        parameters=sum(p.numel() for p in task.model.parameters()),
        corpora=uses,
        dropped={name: manifest.summary(lost) for name, lost in data.dropped.items() if lost},
        training_seconds=progress.seconds,
        device=str(device),
        threads=torch.get_num_threads(),
        history=progress.history,
    )
    write_report(folder, report)
    return Run(folder, folder / BEST, evaluations)


def _refuse_overwriting(folder: Path, resume: bool) -> None:
    if not resume and (folder / training.STATE).exists():
        raise TrainingError(
            f"{folder} already holds a run. Continue it with --resume, choose another output=FOLDER, or delete it."
        )


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "trainer.device=cuda, but PyTorch sees no GPU here. Use trainer.device=cpu or auto."
        )
    return torch.device(name)


def _frames_per_second(recipe: Recipe) -> float:
    """Output frames per second of the recording as it lies on disk, at the fastest speed it is played."""
    features = FeatureSettings(**{k: v for k, v in recipe.features.items() if k != "name"})
    return 1 / (features.hop * build_model(recipe, 2).stride * max(recipe.augment.speed))


def _uses(recipe: Recipe, data: Data) -> list[CorpusUse]:
    uses = []
    for source in recipe.corpus.sources:
        module: Any = plugins.find("corpora", source.name)
        hours = data.hours.get(source.label, 0.0)
        if hours:
            licence = source.licence or module.LICENSE
            uses.append(CorpusUse(source.label, licence, source.url or module.SOURCE, round(hours, 3)))
    return uses


def _commit() -> str:
    """The checkout's commit, marked where files were changed; empty outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _fingerprint(recipe: Recipe, data: Data) -> str:
    """Of everything that shapes the weights; where results go and how often they are logged doesn't."""
    values = asdict(recipe)
    for key in ("output", "folder", "name"):
        del values[key]
    values["corpus"] = {k: values["corpus"][k] for k in ("min_duration", "max_duration")}
    for key in ("device", "threads", "workers", "log_every", "tensorboard"):
        del values["trainer"][key]
    ids = [(u.id, u.text, u.duration) for u in data.train]
    text = json.dumps([values, ids, data.vocabulary.symbols], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _evaluate(path: Path, data: Data, recipe: Recipe) -> dict[str, Evaluation]:
    if not path.is_file():
        raise TrainingError(f"No epoch was ever evaluated, so there is no {path}.")
    checkpoint.load(path)
    recognizer = load_recognizer(path, str(_device(recipe.trainer.device)))
    return {name: evaluate(recognizer, utterances) for name, utterances in (data.dev | data.test).items()}
