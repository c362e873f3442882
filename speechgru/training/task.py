"""What can be learnt, one task a file; `task: NAME` in a recipe chooses. Each file offers:

- CURVE: the figure on dev data that reports draw beside the loss.
- prepare(recipe) -> Data: all there is to learn from, found and checked before anything is written.
- Task(context): what training.fit() wants, and results(path), the scores of a saved file through the door that its
  users take.

speechgru/tasks/settings.py states what its recipes hold.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch

from speechgru.config import Recipe
from speechgru.data import dataset
from speechgru.data.preparation import CorpusUse
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.models import checkpoint
from speechgru.models.checkpoint import H
from speechgru.training import initialize, loop
from speechgru.training.distributed import ALONE, Group
from speechgru.training.report import Result
from speechgru.utils.assets import find_model

D = TypeVar("D")
T = TypeVar("T")


class Data(Protocol):
    """What a run learns from and is scored on. `str()` of it says how much there is."""

    def identity(self) -> Any:
        """All of it that shapes the weights, ready for JSON: a run is resumed only with the same."""

    def write(self, folder: Path) -> None:
        """Leave in `folder` what was used and what was left out."""

    def uses(self, recipe: Recipe) -> Iterable[CorpusUse]:
        """What is trained on, with its licence."""

    def summary(self) -> Mapping[str, Mapping[str, int]]:
        """How much was left out, by where and why."""


class Task(loop.Task, Protocol):
    """What a run trains."""

    def results(self, path: Path) -> Mapping[str, Result]:
        """Scores of the saved model at `path`, by the name of the held-out set."""


@dataclass(frozen=True)
class TaskContext(Generic[D]):
    """What a task is made from.

    `provenance` is where its checkpoints come from, for their header; `group` the processes that train together.
    """

    recipe: Recipe
    data: D
    device: torch.device
    provenance: Mapping[str, Any] = field(default_factory=dict)
    group: Group = ALONE


class BaseTask(Generic[D, H]):
    """What all tasks share: a model that starts from chance or from a checkpoint, batches of like lengths, this
    process's share of them, and checkpoints.

    Args:
        header: of the checkpoints.
        sizes: that the network wants beside its settings.
        kind: of the network.
        derived: settings of the network that follow from the data, over the recipe's.
        features, outputs: what the model takes and what its outputs stand for, to be compared with a checkpoint's.
    """

    STORED: ClassVar[torch.dtype | None] = torch.float16
    """Of saved weights: half the size at no measurable loss; None: as they are."""

    def __init__(
        self,
        context: TaskContext[D],
        header: type[H],
        *sizes: int,
        kind: str,
        derived: Mapping[str, Any] | None = None,
        features: FeatureSettings | None = None,
        outputs: Sequence[str] | None = None,
    ) -> None:
        recipe = context.recipe
        self.recipe, self.data, self.device, self.group = recipe, context.data, context.device, context.group
        self.kind, self.provenance = kind, dict(context.provenance)
        torch.manual_seed(recipe.seed)
        self.model = initialize.network(recipe, kind, *sizes, derived=derived)
        self.first: initialize.Start[H] | None = None
        if recipe.trainer.start:
            stored = checkpoint.load(find_model(recipe.trainer.start)).require(kind)
            self.first = initialize.start(self.model, stored, header, features=features, outputs=outputs)
            self.provenance["started_from"] = self.first.header.provenance
        self.model.to(self.device)

    def batches(self, items: Sequence[T], lengths: Sequence[float], most: float, epoch: int) -> list[list[T]]:
        """Batches of items of like `lengths`, at most `most` for each process, padding included."""
        planned = dataset.plan(lengths, most * self.group.size, self.recipe.seed, epoch)
        return [[items[index] for index in batch] for batch in planned]

    def share(self, batch: Sequence[T]) -> tuple[list[T], bool]:
        """This process's part of a batch, and whether it counts: where there are fewer items than processes, some
        process an item that another counts."""
        own = self.group.share(batch)
        return own or list(batch[:1]), bool(own)

    def load(self, plan: Sequence[Sequence[Any]], epoch: int) -> Generator[Any, None, None]:
        """This process's share of the batches that a plan (or the rest of one) names."""
        for batch in plan:
            yield self.batch(*self.share(batch))

    def batch(self, items: Sequence[Any], counts: bool) -> Any:
        """What `loss` takes, of the items of a batch."""
        raise NotImplementedError

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """Write a checkpoint for users."""
        header = initialize.header(self.recipe, self.model, {**self.provenance, **progress})
        checkpoint.save(path, self.kind, {**header, **self.header()}, self.model.state_dict(), self.STORED)

    def header(self) -> Mapping[str, Any]:
        """What the header of a checkpoint holds beside the network and its provenance."""
        return {}
