"""One training run from a recipe to a report: prepare, fit, evaluate the saved file as a user would."""

from __future__ import annotations

import logging
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from speechgru.config import Recipe, load_recipe
from speechgru.config.compose import to_yaml
from speechgru.data.preparation import CorpusUse
from speechgru.errors import ConfigError, SpeechGruError, TrainingError
from speechgru.training import distributed, estimate, loop, receipt
from speechgru.training import state as run_state
from speechgru.training.optim import precision
from speechgru.training.receipt import Receipt
from speechgru.training.report import Report, Result, versions, write_report
from speechgru.training.task import Data, Task, TaskContext
from speechgru.utils import files, plugins
from speechgru.utils.assets import BEST

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A finished run: where its model and report are, the scores by held-out set, and the best dev score."""

    folder: Path
    model: Path
    evaluations: Mapping[str, Result]
    score: float


def train(
    recipe: Recipe | str | Path,
    overrides: Sequence[str] = (),
    *,
    command: str = "",
    resume: bool = False,
    quiet: bool = False,
    on_evaluation: Callable[[Mapping[str, Any]], None] | None = None,
    expected: Receipt | None = None,
    trial: bool = False,
) -> Run:
    """Train what `recipe` says in `recipe.output`, evaluate the best epoch on its dev and test sets, report.

    Args:
        recipe: its name, a folder with a recipe.yaml or a .yaml file; or one that `load_recipe` has composed.
        overrides: settings to change (`["corpus.root=data", "trainer.epochs=3"]`); of a composed recipe those that it
            was composed with, for the report.
        command: how the recipe was called, for the report.
        resume: go on from `last.pt` in the output folder.
        quiet: no progress bars.
        on_evaluation: called with the dev figures of every evaluated epoch; what it raises ends the run.
        expected: of the run that this one repeats; other settings or data are refused.
        trial: one of many that a search compares by their dev scores: nothing is measured before or scored after.

    Raises:
        ConfigError, CorpusError, TrainingError: with what to do.
        training.Interrupted: Ctrl-C; the state is saved.
    """
    if not isinstance(recipe, Recipe):
        command = command or shlex.join(["speechgru", "train", str(recipe), *overrides])
        recipe = load_recipe(recipe, overrides)
    folder = Path(recipe.output)
    _check_folder(folder, resume)
    begun = _begin(recipe)
    group, data = begun.group, begun.data
    settings, fingerprint = _fingerprints(recipe, data, group)
    _refuse_others(expected, settings, fingerprint)
    _keep_inputs(begun, folder, fingerprint if resume else None)
    provenance = _provenance(recipe, overrides, data, group)
    task = begun.task(provenance)
    if not (resume or trial):
        _log.info("%s", estimate.measure(task, recipe.trainer))
    with distributed.joined(group, begun.device):
        progress = loop.fit(
            task,
            recipe,
            folder,
            fingerprint=fingerprint,
            resume=resume,
            quiet=quiet,
            group=group,
            on_evaluation=on_evaluation,
        )
    if not group.is_main:
        return Run(folder, folder / BEST, {}, progress.best)
    torch.set_num_threads(max(torch.get_num_threads(), group.size))  # the others' cores are free now
    results = {} if trial else _results(task, folder / BEST)
    write_report(folder, _report(begun, provenance, task, progress, results, command))
    receipt.write(folder, _receipt(begun, provenance, settings, fingerprint, progress.best))
    return Run(folder, folder / BEST, results, progress.best)


def _keep_inputs(begun: _Begun, folder: Path, resumed: str | None) -> None:
    """Write the manifests, and the recipe as YAML, beside the result; of a resumed run the fingerprint is checked.

    Another run is refused before any of its files is overwritten.
    """
    if resumed is not None:
        run_state.saved_state(folder, resumed)
    if begun.group.is_main:
        begun.data.write(folder)
        files.write_text(folder / "recipe.yaml", to_yaml(begun.recipe))


def plan(recipe: Recipe) -> estimate.Estimate:
    """What training `recipe` would cost, from a few steps. Nothing is left on disk: decoded audio goes into a temporary
    folder.

    Raises:
        ConfigError, CorpusError, TrainingError: as `train` would.
    """
    with tempfile.TemporaryDirectory(prefix="speechgru-plan-") as folder:
        corpus = replace(recipe.corpus, cache_folder=folder) if recipe.corpus.cache else recipe.corpus
        return estimate.measure(_begin(replace(recipe, corpus=corpus)).task({}), recipe.trainer)


@dataclass(frozen=True)
class _Begun:
    """A run whose data are checked; nothing is built or written yet. `module`: of speechgru/tasks."""

    recipe: Recipe
    group: distributed.Group
    device: torch.device
    module: Any
    data: Data

    def task(self, provenance: Mapping[str, Any]) -> Task:
        """The model and what it learns from, built; a line in the log says how large they are."""
        task: Task = self.module.Task(
            TaskContext(self.recipe, self.data, self.device, provenance, self.group)
        )
        kind = str(precision(self.recipe.trainer.precision, self.device)).removeprefix("torch.")
        _log.info("%s; %.2f M parameters; %s, %s", self.data, _parameters(task) / 1e6, self.device, kind)
        return task


def _begin(recipe: Recipe) -> _Begun:
    group = distributed.place()
    device = _device(recipe.trainer.device, group)
    if recipe.trainer.threads:
        torch.set_num_threads(recipe.trainer.threads)
    module: Any = plugins.find("tasks", recipe.task)
    return _Begun(recipe, group, device, module, module.prepare(recipe))


def _check_folder(folder: Path, resume: bool) -> None:
    state = folder / run_state.STATE
    if state.exists() and not resume:
        raise TrainingError(
            f"{folder} already holds a run. Continue it with --resume, choose another output=FOLDER, or delete it."
        )
    if resume and not state.exists():
        raise run_state.nothing_to_resume(state)


def _provenance(
    recipe: Recipe, overrides: Sequence[str], data: Data, group: distributed.Group
) -> dict[str, Any]:
    """Where a model comes from, for its header and the report."""
    uses = list(data.uses(recipe))
    hours, words = round(sum(use.hours for use in uses), 3), sum(use.words for use in uses)
    amount = {"trained_words": words} if words else {"trained_hours": hours}
    if steps := sum(use.steps for use in uses):
        amount = {"trained_steps": steps}
    return {
        "recipe": recipe.name,
        "overrides": list(overrides),
        "seed": recipe.seed,
        "processes": group.size,
        "commit": commit(),
        "corpora": [use.to_dict() for use in uses],
        **amount,
        "versions": versions(),
    }


def _parameters(task: Task) -> int:
    return sum(p.numel() for p in task.model.parameters())


def _report(
    begun: _Begun,
    provenance: Mapping[str, Any],
    task: Task,
    progress: run_state.Progress,
    results: Mapping[str, Result],
    command: str,
) -> Report:
    return Report(
        **{key: provenance[key] for key in ("recipe", "overrides", "seed", "commit", "versions")},
        corpora=[CorpusUse(**use) for use in provenance["corpora"]],
        evaluations=results,
        epoch=progress.best_epoch + 1,
        checkpoint=BEST,
        parameters=_parameters(task),
        dropped=begun.data.summary(),
        training_seconds=progress.seconds,
        threads=torch.get_num_threads(),
        history=progress.history,
        command=command,
        device=str(begun.device),
        curve=begun.module.CURVE,
    )


def _receipt(
    begun: _Begun, provenance: Mapping[str, Any], settings: str, fingerprint: str, score: float
) -> Receipt:
    """What `speechgru reproduce` needs to repeat the run, and to tell whether the repetition gave the same."""
    known = {
        key: provenance[key] for key in ("recipe", "overrides", "seed", "processes", "commit", "versions")
    }
    return Receipt(
        **known,
        folder=begun.recipe.folder,
        device=str(begun.device),
        threads=torch.get_num_threads(),
        settings=settings,
        data=fingerprint,
        weights=receipt.weights(Path(begun.recipe.output) / BEST),
        score=score,
    )


def _device(name: str, group: distributed.Group) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "trainer.device=cuda, but PyTorch sees no GPU here. Use trainer.device=cpu or auto."
        )
    # One GPU a process, where there are several.
    return torch.device(name, group.local_rank) if name == "cuda" and group.size > 1 else torch.device(name)


def commit() -> str:
    """The checkout's commit, marked where files were changed; empty outside a checkout."""
    home = Path(__file__).parents[2]
    if not (home / ".git").exists():  # an installed package may lie inside somebody else's checkout
        return ""
    command = ["git", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def shaping(recipe: Recipe) -> dict[str, Any]:
    """The settings that shape the weights: where results go, and how often they are logged, doesn't."""
    values = asdict(recipe)
    for key in ("output", "folder", "name", "tune", "settings"):
        del values[key]
    values |= _shaping_of_task(recipe)
    values["corpus"] = {k: values["corpus"][k] for k in ("min_duration", "max_duration")}
    for key in ("device", "threads", "workers", "save_minutes", "log_every", "tensorboard", "keep"):
        del values["trainer"][key]
    return values


def _shaping_of_task(recipe: Recipe) -> dict[str, Any]:
    """The task's own settings by their key, where they aren't the defaults; what every fingerprint holds beside them
    are those of ctc and text."""
    first = [plugins.settings("tasks", name).section() for name in ("ctc", "language")]
    own = recipe.settings
    sections = {section.KEY: asdict(section) for section in first}
    if own and own != type(own)():
        sections[own.KEY] = asdict(own)
    del sections["text"]["sources"]
    return sections


def _fingerprints(recipe: Recipe, data: Data, group: distributed.Group) -> tuple[str, str]:
    """Of the settings that shape the weights, and of these and the data together."""
    values = shaping(recipe)
    if group.size > 1:  # shapes the batches
        values["processes"] = group.size
    return receipt.fingerprint(values), receipt.fingerprint(values, *data.identity())


def _refuse_others(expected: Receipt | None, settings: str, data: str) -> None:
    """Refuse to repeat the run of `expected` with other settings or data."""
    if expected is None:
        return
    if settings != expected.settings:
        raise TrainingError(
            "The recipe's settings are not those of the receipt: the recipe or its defaults have changed since. Check "
            f"out commit {expected.commit or '(unknown)'} to repeat the run."
        )
    if data != expected.data:
        raise TrainingError(
            "The data are not those of the receipt: other recordings, texts or durations. Pass corpus.root=PATH of the "
            "same data; the run's manifests list them."
        )


def _results(task: Task, path: Path) -> Mapping[str, Result]:
    """The saved file's scores."""
    if not path.is_file():
        raise TrainingError(
            f"There is no {path}: no epoch had a score, or the file was deleted since. Train anew."
        )
    try:
        return task.results(path)
    except SpeechGruError as error:
        raise type(error)(
            f"{error} The model is trained, and kept in {path}; put the recordings right, and --resume scores it."
        ) from error
