"""fit(): the one training loop. It knows steps, epochs, checkpoints and stopping, and nothing of what is learnt."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from speechgru.config import Recipe
from speechgru.errors import TrainingError
from speechgru.training import monitor
from speechgru.training.distributed import ALONE, Group
from speechgru.training.optim import Average, autocast, factor, optimizer
from speechgru.training.state import STATE, Progress, saved_state
from speechgru.utils import files
from speechgru.utils.signals import Stop

_log = logging.getLogger(__name__)


class Task(Protocol):
    """What is learnt: a model, its batches, a loss, and a score on dev data (lower is better)."""

    model: nn.Module

    def plan(self, epoch: int) -> Sequence[Any]:
        """What identifies each batch of an epoch: a pure function of the epoch."""

    def describe(self, item: Any) -> str:
        """What a batch of a plan holds, for the message when it breaks the run."""

    def load(self, plan: Sequence[Any], epoch: int) -> Generator[Any, None, None]:
        """The batches of (the rest of) a plan; closed where the loop stops early."""

    def loss(self, batch: Any) -> tuple[Tensor, float]:
        """What to minimise, as a sum (a scalar), and over how much it is one; several processes add up both."""

    def evaluate(self) -> Mapping[str, float]:
        """Figures on dev data; "score" decides which epoch is best."""

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """Write the model, as it is now, for users."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, handled at a moment when the state could be saved; the run can be resumed."""


def fit(
    task: Task,
    recipe: Recipe,
    folder: Path,
    *,
    fingerprint: str = "",
    resume: bool = False,
    quiet: bool = False,
    group: Group = ALONE,
    on_evaluation: Callable[[Mapping[str, Any]], None] | None = None,
) -> Progress:
    """Train by the seed, optimizer, schedule and trainer of a recipe, until the last epoch or until `trainer.patience`
    evaluations in a row brought nothing better.

    `folder` receives `last.pt` (all that a resumed run needs) after each epoch and on Ctrl-C,
    `best.safetensors` whenever the dev score improves, and checkpoints of the `trainer.keep` best epochs.

    Args:
        fingerprint: of all settings that shape the result; a run is resumed only with the same.
        group: the processes that train together; only the main one writes.
        on_evaluation: called with the figures of every epoch that was evaluated; what it raises ends the run.

    Raises:
        TrainingError: nothing to resume, or another recipe; the loss is no longer finite; a full disk.
        Interrupted: the user pressed Ctrl-C.
    """
    run = _Run(task, recipe, folder, fingerprint, quiet or not group.is_main, group, on_evaluation)
    if resume:
        run.restore()
    with run.stop, run.curves:
        while run.progress.epoch < recipe.trainer.epochs and not run.is_out_of_patience():
            run.epoch()
    return run.progress


class _Run:
    """The moving parts of fit()."""

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        folder: Path,
        fingerprint: str,
        quiet: bool,
        group: Group,
        on_evaluation: Callable[[Mapping[str, Any]], None] | None,
    ) -> None:
        self.task, self.recipe, self.folder, self.fingerprint = task, recipe, folder, fingerprint
        self.quiet, self.group, self.on_evaluation = quiet, group, on_evaluation
        self.trainer = trainer = recipe.trainer
        self.device = next(task.model.parameters()).device
        self.optimizer = optimizer(task.model, recipe.optimizer)
        self.average = Average(task.model, trainer.average) if trainer.average else None
        self.total = trainer.epochs * math.ceil(len(task.plan(1)) / trainer.accumulate)
        self.progress = Progress()
        self.stop, self.stopping = Stop(), False
        self.curves = monitor.Curves(folder if trainer.tensorboard and group.is_main else None)
        self.clock = self.saved = time.perf_counter()

    def epoch(self) -> None:
        """Run (the rest of) one epoch, evaluate, save."""
        progress, size = self.progress, self.trainer.accumulate
        plan = self.task.plan(progress.epoch)
        self.task.model.train()
        self.clock = time.perf_counter()
        loader = self.task.load(plan[progress.done :], progress.epoch)
        bar = monitor.bar(f"epoch {progress.epoch + 1}", len(plan), progress.done, self.quiet)
        with contextlib.closing(loader), bar:
            while progress.done < len(plan):
                items = plan[progress.done : progress.done + size]
                loss = self._step(itertools.islice(loader, len(items)), items)
                progress.done += len(items)
                progress.step += 1
                progress.loss_sum += loss * len(items)
                bar.update(len(items))
                if progress.step % self.trainer.log_every == 0:
                    bar.set_postfix(loss=f"{loss:.3f}")
                    self.curves.add({"train/loss": loss, "train/lr": self._rate()}, progress.step)
                if self.stopping or time.perf_counter() - self.saved > 60 * self.trainer.save_minutes:
                    self.save()
                if self.stopping:
                    raise Interrupted
        self._count_time()
        self._finish_epoch(len(plan))
        self.save()
        if self.on_evaluation and "score" in progress.history[-1]:
            self.on_evaluation(progress.history[-1])
        if self.group.any(self.stop.requested):
            raise Interrupted

    def _count_time(self) -> None:
        now = time.perf_counter()
        self.progress.seconds += now - self.clock
        self.clock = now

    def _rate(self) -> float:
        scores = [row["score"] for row in self.progress.history if "score" in row]
        return self.recipe.optimizer.lr * factor(self.progress.step, self.total, self.recipe.schedule, scores)

    def _step(self, batches: Iterable[Any], items: Sequence[Any]) -> float:
        """One step on a batch, or on several whose gradients are added up; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.zero_grad(set_to_none=True)
        total = count = 0.0
        for number, batch in enumerate(batches):
            self._seed(number)
            with self.autocast():
                loss, n = self.task.loss(batch)
            torch.autograd.backward(loss)
            total, count = total + float(loss.detach()), count + n
        figures = (total, count, float(self.stop.requested))
        total, count, stops = self.group.sum_gradients(self.task.model, figures)
        self._refuse(total / count, items)
        gradients = [p.grad for p in self.task.model.parameters() if p.grad is not None]
        torch._foreach_div_(gradients, count)
        if self.trainer.clip:
            nn.utils.clip_grad_norm_(self.task.model.parameters(), self.trainer.clip)
        self.optimizer.step()
        if self.average:
            self.average.update(self.task.model.named_parameters())
        self.stopping = stops > 0
        return total / count

    def _seed(self, number: int) -> None:
        """Dropout depends on the step, its batch and the process alone: a resumed run draws what the whole one would.

        Set once the batch is there, because a loader that starts draws too.
        """
        step = (self.recipe.seed * 1_000_003 + self.progress.step) * self.trainer.accumulate + number
        torch.manual_seed(step * self.group.size + self.group.rank)

    def _refuse(self, loss: float, items: Sequence[Any]) -> None:
        """Stop at a loss that is no number, before it spoils the weights."""
        if math.isfinite(loss):
            return
        state = self.folder / STATE
        kept = f" {state} keeps the state before." if state.exists() else ""
        raise TrainingError(
            f"The loss is {loss} in step {self.progress.step + 1} (epoch {self.progress.epoch + 1}), on "
            f"{'; '.join(self.task.describe(item) for item in items)}.{kept} If these recordings are fine, train "
            "anew with a lower optimizer.lr or trainer.clip."
        )

    def autocast(self) -> Any:
        return autocast(self.trainer.precision, self.device)

    def _finish_epoch(self, batches: int) -> None:
        progress = self.progress
        row: dict[str, Any] = {
            "epoch": progress.epoch + 1,
            "step": progress.step,
            "train_loss": progress.loss_sum / batches,
            "lr": self._rate(),
            "seconds": round(progress.seconds, 1),
        }
        is_last = progress.epoch + 1 == self.trainer.epochs
        if is_last or (progress.epoch + 1) % self.trainer.evaluate_every == 0:
            with self._averaged():
                self.task.model.eval()
                with self.autocast():
                    row |= self.task.evaluate()
                if row["score"] < progress.best:
                    progress.best, progress.best_epoch = row["score"], progress.epoch
                    self._save_model("best.safetensors", row)
                self._keep(row)
        progress.history.append(row)
        self.curves.add({k: v for k, v in row.items() if isinstance(v, float)}, progress.step)
        figures = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
        _log.info("%s", "  ".join(figures))
        progress.epoch, progress.done, progress.loss_sum = progress.epoch + 1, 0, 0.0

    def _keep(self, row: Mapping[str, Any]) -> None:
        """Leave beside the best checkpoint those of the `trainer.keep` best epochs, of equal ones the earlier."""
        if not self.trainer.keep:
            return
        scored = [done for done in self.progress.history if "score" in done] + [row]
        ranked = sorted(scored, key=lambda done: (done["score"], done["epoch"]))
        if row in ranked[: self.trainer.keep]:
            self._save_model(epoch_file(row["epoch"]), row)
        if self.group.is_main:
            for done in ranked[self.trainer.keep :]:
                (self.folder / epoch_file(done["epoch"])).unlink(missing_ok=True)

    def _save_model(self, name: str, row: Mapping[str, Any]) -> None:
        if self.group.is_main:
            with self._told(self.folder / name):
                self.task.save(self.folder / name, row)

    @contextlib.contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        """Say what is left when a file can't be written: above all on a full disk."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            # For a disk that fills up torch.save raises RuntimeError, with a line of its own source.
            why = error if isinstance(error, OSError) else "writing was stopped"
            state = self.folder / STATE
            left, on = (
                (f"{state} keeps the state before", "go on with --resume")
                if state.exists()
                else ("No state was saved before", "train anew")
            )
            raise TrainingError(
                f"Can't write {path}: {why}. Is the disk full? {left}; what was whole stays so. See that there is "
                f"room and that the folder can be written, then {on}."
            ) from error

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """The model with its averaged weights, then as it was."""
        if self.average is None:
            yield
            return
        own = {name: p.detach().clone() for name, p in self.task.model.named_parameters()}
        self._assign(self.average.weights)
        try:
            yield
        finally:
            self._assign(own)

    @torch.no_grad()
    def _assign(self, weights: Mapping[str, Tensor]) -> None:
        for name, parameter in self.task.model.named_parameters():
            parameter.copy_(weights[name])

    def is_out_of_patience(self) -> bool:
        """No evaluation of the last `patience` improved."""
        scored = [row["epoch"] - 1 for row in self.progress.history if "score" in row]
        since = [epoch for epoch in scored if epoch > self.progress.best_epoch]
        return 0 < self.trainer.patience <= len(since)

    def save(self) -> None:
        """Write all that a resumed run needs."""
        self._count_time()
        self.saved = self.clock
        if not self.group.is_main:
            return
        state: dict[str, Any] = {
            "fingerprint": self.fingerprint,
            "progress": vars(self.progress),
            "model": self.task.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        if self.average:
            state["average"] = {"updates": self.average.updates, "weights": self.average.weights}
        path = self.folder / STATE
        with self._told(path), files.atomic_path(path) as temporary:
            torch.save(state, temporary)

    def restore(self) -> None:
        """Go on where `save` left off."""
        state = saved_state(self.folder, self.fingerprint, self.device)
        try:
            self.task.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average:
                self.average.updates = state["average"]["updates"]
                self.average.weights = state["average"]["weights"]
            self.progress = Progress(**state["progress"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise TrainingError(
                f"{self.folder / STATE} doesn't fit this version of speechgru ({error}); delete it and train anew."
            ) from error


def epoch_file(epoch: int) -> str:
    """Name of the checkpoint that is kept of an epoch, counted from 1."""
    return f"epoch-{epoch:03d}.safetensors"
