"""One training run from a recipe to a report: prepare, fit, evaluate the saved file as a user would."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from speechgru import checkpoint, files, manifest, parallel, plugins, preparation, training
from speechgru.ctc import CtcTask, build_model, feature_settings
from speechgru.errors import ConfigError, TrainingError
from speechgru.evaluation import Evaluation, evaluate
from speechgru.optimisation import precision
from speechgru.packaged import find_model
from speechgru.preparation import Data
from speechgru.recipe import Recipe
from speechgru.recognizer import load_recognizer
from speechgru.report import CorpusUse, Report, versions, write_report
from speechgru.text import Vocabulary

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
    folder, group = Path(recipe.output), parallel.place()
    _check_folder(folder, resume)
    device = _device(recipe.trainer.device, group)
    if recipe.trainer.threads:
        torch.set_num_threads(recipe.trainer.threads)
    data = preparation.prepare(recipe, _frames_per_second(recipe), _vocabulary(recipe))
    fingerprint = _fingerprint(recipe, data, group)
    if resume:  # another run is refused before any of its files is overwritten
        training.saved_state(folder, fingerprint)
    if group.is_main:
        preparation.write(folder / "manifests", data)
        files.write_text(
            folder / "recipe.yaml", composed or json.dumps(asdict(recipe), indent=2, default=str)
        )
    provenance = _provenance(recipe, overrides, data, group)
    task = CtcTask(recipe, data, device, _cache(recipe), provenance, group)
    _log_size(task, data, recipe)
    with parallel.joined(group, device):
        progress = training.fit(
            task,
            folder,
            seed=recipe.seed,
            optimizing=recipe.optimizer,
            schedule=recipe.schedule,
            trainer=recipe.trainer,
            fingerprint=fingerprint,
            resume=resume,
            quiet=quiet,
            group=group,
        )
    if not group.is_main:
        return Run(folder, folder / BEST, {})
    torch.set_num_threads(max(torch.get_num_threads(), group.size))  # the others' cores are free now
    evaluations = _evaluate(folder / BEST, data, device)
    write_report(folder, _report(command, provenance, task, data, progress, evaluations))
    return Run(folder, folder / BEST, evaluations)


def _check_folder(folder: Path, resume: bool) -> None:
    state = folder / training.STATE
    if state.exists() and not resume:
        raise TrainingError(
            f"{folder} already holds a run. Continue it with --resume, choose another output=FOLDER, or delete it."
        )
    if resume and not state.exists():
        raise training.nothing_to_resume(state)


def _vocabulary(recipe: Recipe) -> Vocabulary | None:
    """Of the checkpoint that the run starts from, where it starts from one."""
    if not recipe.trainer.start:
        return None
    return Vocabulary(tuple(checkpoint.load(find_model(recipe.trainer.start)).get("vocabulary")))


def _cache(recipe: Recipe) -> Path | None:
    """Beside the run's folder, so that runs share what they decoded."""
    return Path(recipe.output).parent / "audio-cache" if recipe.corpus.cache else None


def _provenance(
    recipe: Recipe, overrides: Sequence[str], data: Data, group: parallel.Group
) -> dict[str, Any]:
    """Where a model comes from, for its header and the report."""
    return {
        "recipe": recipe.name,
        "overrides": list(overrides),
        "seed": recipe.seed,
        "processes": group.size,
        "commit": _commit(),
        "corpora": [asdict(use) for use in _uses(recipe, data)],
        "trained_hours": round(sum(data.hours.values()), 3),
        "versions": versions(),
    }


def _log_size(task: CtcTask, data: Data, recipe: Recipe) -> None:
    _log.info(
        "%d training utterances, %.2f h; %.2f M parameters; %s, %s",
        len(data.train),
        sum(data.hours.values()),
        _parameters(task) / 1e6,
        task.device,
        str(precision(recipe.trainer.precision, task.device)).removeprefix("torch."),
    )


def _parameters(task: CtcTask) -> int:
    return sum(p.numel() for p in task.model.parameters())


def _report(
    command: str,
    provenance: Mapping[str, Any],
    task: CtcTask,
    data: Data,
    progress: training.Progress,
    evaluations: dict[str, Evaluation],
) -> Report:
    return Report(
        **{key: provenance[key] for key in ("recipe", "overrides", "seed", "commit", "versions")},
        corpora=[CorpusUse(**use) for use in provenance["corpora"]],
        command=command,
        evaluations=evaluations,
        epoch=progress.best_epoch + 1,
        checkpoint=BEST,
        parameters=_parameters(task),
        dropped={name: manifest.summary(lost) for name, lost in data.dropped.items() if lost},
        training_seconds=progress.seconds,
        device=str(task.device),
        threads=torch.get_num_threads(),
        history=progress.history,
    )


def _device(name: str, group: parallel.Group) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "trainer.device=cuda, but PyTorch sees no GPU here. Use trainer.device=cpu or auto."
        )
    # One GPU a process, where there are several.
    return torch.device(name, group.local_rank) if name == "cuda" and group.size > 1 else torch.device(name)


def _frames_per_second(recipe: Recipe) -> float:
    """Output frames per second of the recording as it lies on disk, at the fastest speed it is played."""
    return 1 / (feature_settings(recipe).hop * build_model(recipe, 2).stride * max(recipe.augment.speed))


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
    home = Path(__file__).parents[1]
    if not (home / ".git").exists():  # an installed package may lie inside somebody else's checkout
        return ""
    command = ["git", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _fingerprint(recipe: Recipe, data: Data, group: parallel.Group) -> str:
    """Of everything that shapes the weights; where results go and how often they are logged doesn't."""
    values = asdict(recipe)
    for key in ("output", "folder", "name"):
        del values[key]
    values["corpus"] = {k: values["corpus"][k] for k in ("min_duration", "max_duration")}
    for key in ("device", "threads", "workers", "log_every", "tensorboard"):
        del values["trainer"][key]
    ids = [(u.id, u.text, u.duration) for u in data.train]
    if group.size > 1:  # shapes the batches
        values["processes"] = group.size
    text = json.dumps([values, ids, data.vocabulary.symbols], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _evaluate(path: Path, data: Data, device: torch.device) -> dict[str, Evaluation]:
    """The saved file's scores on every dev and test split, through the door that users take."""
    if not path.is_file():
        raise TrainingError(
            f"There is no {path}: no epoch had a score, or the file was deleted since. Train anew."
        )
    recognizer = load_recognizer(path, str(device))
    return {name: evaluate(recognizer, utterances) for name, utterances in (data.dev | data.test).items()}
