"""A search: trials that are drawn, trained, pruned and kept in a study, study.db in the search's folder.

A trial is an ordinary run without a final evaluation, in a folder of its own, and the epochs' dev scores are all that
is known of it: no test set is scored. What is drawn for a trial depends on the seed, its number and the results before
it, so a search that was stopped and resumed is the one that wasn't (with one job).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from speechgru.config import Recipe, load_recipe
from speechgru.config.recipe import RangeConfig
from speechgru.errors import TrainingError
from speechgru.training import receipt
from speechgru.training import run as training_run
from speechgru.training import state as run_state
from speechgru.training.search import draw
from speechgru.training.search.variant import as_overrides, variant

_log = logging.getLogger(__name__)
STORAGE = "study.db"
DRAWN = 6  # trials that are drawn at random before TPE (Bergstra et al. 2011) learns from them
MEASURED = 4  # trials that end unpruned before the median of all is one to be compared with
REDUCTION = 3  # of successive halving (Li et al. 2020): the share that goes on is one in so many
_PATIENCE = 100.0  # seconds that a process waits for others to leave the database
# What a trial may fail with because of what was drawn: the loss diverged, memory didn't suffice.
_BAD = (TrainingError, RuntimeError, MemoryError)
_SETTINGS, _FAILURE = "settings", "failure"


class OutOfTimeError(Exception):
    """Raised in a trial whose search may take no longer; its state is saved."""


@dataclass(frozen=True)
class Search:
    """What is searched: plain values, so that other processes can be handed it.

    `overrides` hold for every trial, `threads` (0: the recipe's own) and `until` (of time.time()) for this call only.
    """

    recipe: str
    overrides: tuple[str, ...]
    ranges: Mapping[str, RangeConfig]
    folder: Path
    seed: int = 0
    threads: int = 0
    until: float = float("inf")

    def base(self) -> Recipe:
        """The recipe without what is drawn."""
        return load_recipe(self.recipe, self.overrides, self.ranges)

    def trial_folder(self, number: int) -> Path:
        """Of a trial's run."""
        return self.folder / f"trial-{number:03d}"


def begin(search: Search, *, resume: bool) -> None:
    """Make the study, or see that the one that is there belongs to this search.

    Raises:
        TrainingError: there is one already, or none to resume, or one of another search.
    """
    path, base = search.folder / STORAGE, search.base()
    settings = receipt.fingerprint(
        training_run.shaping(base),
        {key: asdict(span) for key, span in search.ranges.items()},
        search.seed,
    )
    if path.exists() and not resume:
        raise TrainingError(
            f"{search.folder} already holds a search. Go on with --resume, choose another output=FOLDER, or delete it."
        )
    if not path.exists():
        if resume:
            raise TrainingError(
                f"There is nothing to resume: {path} does not exist. Tune without --resume first."
            )
        search.folder.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(storage=_storage(path), study_name="tune", direction="minimize")
        study.set_user_attr(_SETTINGS, settings)
        first = draw.start(search.ranges, base)
        if first is not None:
            study.enqueue_trial(first)
            study.ask()  # begun here: of a trial that waits, two processes could both take hold
    elif load(search.folder).user_attrs.get(_SETTINGS) != settings:
        raise TrainingError(
            f"{path} belongs to a search with other settings, ranges or seed. Resume with those it was started with, "
            "or choose another output=FOLDER."
        )


def load(folder: Path) -> optuna.Study:
    """The study in a search's folder.

    Raises:
        TrainingError: there is none, or the file is damaged.
    """
    path = folder / STORAGE
    if not path.is_file():
        raise TrainingError(f"There is no {path}; expected the study of a search.")
    try:
        return optuna.load_study(storage=_storage(path), study_name="tune")
    except Exception as error:  # of SQLite, SQLAlchemy, Alembic or Optuna
        raise TrainingError(
            f"{path} is damaged or no study ({type(error).__name__}); delete it and tune anew."
        ) from error


def tickets(folder: Path, trials: int) -> list[int | None]:
    """What is to be done until there are `trials`: numbers of those that were interrupted, then None for new ones."""
    begun = [t for t in load(folder).trials if t.state != TrialState.WAITING]
    stopped = [t.number for t in begun if t.state == TrialState.RUNNING]
    return [*stopped, *[None] * (trials - len(begun))]


def work(search: Search, todo: Iterable[int | None]) -> None:
    """Do one ticket after the other.

    Raises:
        OutOfTimeError, training.Interrupted: the trial that ran can be resumed.
        CorpusError, ConfigError, ...: what would stop every trial, as does a full disk.
    """
    study, base = load(search.folder), search.base()
    study.pruner = _pruner(base)
    try:
        for number in todo:
            if time.time() > search.until:
                raise OutOfTimeError
            trial = study.ask() if number is None else _again(study, number)
            study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=DRAWN, seed=1000 * search.seed + trial.number
            )
            _finish(search, base, study, trial)
    except optuna.exceptions.StorageInternalError as error:
        raise TrainingError(
            f"Can't write {search.folder / STORAGE}: {error} Is the disk full? Finished trials are kept; make room, "
            "then go on with --resume."
        ) from error


def _again(study: optuna.Study, number: int) -> optuna.Trial:
    """A trial that was interrupted, with what was drawn for it."""
    return optuna.Trial(study, study.trials[number]._trial_id)


def _finish(search: Search, base: Recipe, study: optuna.Study, trial: optuna.Trial) -> None:
    """Train a trial and write into the study what became of it."""
    drawn = draw.settings(trial, search.ranges, base)
    chosen = " ".join(as_overrides(drawn))
    try:
        score = _train(search, base, trial, drawn)
        study.tell(trial, score)
        _log.info("trial %d: dev score %.4f, %s", trial.number, score, chosen)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        _log.info("trial %d: pruned, %s", trial.number, chosen)
    except _BAD as error:
        if isinstance(error.__cause__, OSError):  # a full disk is no fault of what was drawn
            raise
        trial.set_user_attr(_FAILURE, str(error) or type(error).__name__)
        study.tell(trial, state=TrialState.FAIL)
        _log.warning("trial %d failed: %s (%s)", trial.number, error, chosen)
    # Only a trial that goes on needs what weighs most.
    (search.trial_folder(trial.number) / run_state.STATE).unlink(missing_ok=True)


def _train(search: Search, base: Recipe, trial: optuna.Trial, drawn: Mapping[str, str]) -> float:
    """The best dev score of a trial's training."""
    chosen = variant(search.recipe, search.overrides, drawn, search.trial_folder(trial.number), base)
    threads = search.threads or chosen.recipe.trainer.threads
    trainer = replace(chosen.recipe.trainer, threads=threads, tensorboard=False)
    chosen = replace(chosen, recipe=replace(chosen.recipe, trainer=trainer))

    def on_evaluation(row: Mapping[str, Any]) -> None:
        trial.report(row["score"], row["epoch"])
        if trial.should_prune():
            raise optuna.TrialPruned
        if time.time() > search.until and row["epoch"] < trainer.epochs:
            raise OutOfTimeError

    return chosen.train(quiet=True, on_evaluation=on_evaluation, trial=True).score


def _pruner(base: Recipe) -> optuna.pruners.BasePruner:
    epochs = base.trainer.epochs
    if base.tune.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=MEASURED, n_warmup_steps=epochs // 3)
    if base.tune.pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(
            min_resource=max(1, epochs // REDUCTION**2), reduction_factor=REDUCTION
        )
    return optuna.pruners.NopPruner()


def _storage(path: Path) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(
        f"sqlite:///{path.absolute()}", engine_kwargs={"connect_args": {"timeout": _PATIENCE}}
    )


@dataclass(frozen=True)
class Trial:
    """What became of one: `state` is complete, pruned, failed or unfinished, `score` the best dev score that it
    reached, `epochs` how far it came."""

    number: int
    values: dict[str, str]
    state: str
    score: float | None
    epochs: int
    failure: str = ""


_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def results(search: Search) -> list[Trial]:
    """All trials, best first: the complete ones, then the pruned, the unfinished and the failed."""
    base, trials = search.base(), []
    for trial in load(search.folder).trials:
        if trial.state == TrialState.WAITING or not search.ranges.keys() <= trial.params.keys():
            continue
        scores = list(trial.intermediate_values.values())
        trials.append(
            Trial(
                trial.number,
                draw.settings(optuna.trial.FixedTrial(trial.params), search.ranges, base),
                _STATES.get(trial.state, "unfinished"),
                min(scores, default=trial.value),
                max(trial.intermediate_values, default=0),
                trial.user_attrs.get(_FAILURE, ""),
            )
        )
    order = ["complete", "pruned", "unfinished", "failed"]
    return sorted(trials, key=lambda t: (order.index(t.state), t.score is None, t.score or 0.0, t.number))


def best(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the best dev score."""
    return next((trial for trial in trials if trial.state == "complete"), None)
