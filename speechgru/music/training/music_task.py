"""Training of models of music, for fit(): what piano rolls and tokens have in common. Chunks of pieces and their
likelihood, and that of whole dev pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from torch import Tensor

from speechgru.music.models.scoring import MusicHeader, Views, on
from speechgru.music.training import pieces
from speechgru.music.training.pieces import Chunk, Data
from speechgru.music.training.settings import MusicConfig
from speechgru.training import TaskContext
from speechgru.training.task import BaseTask


class Batch(NamedTuple):
    """Chunks: what was before each step, the `targets`, what is `inside` a chunk [B, T], and the `run_in` before it
    with its `lengths` [B], which may be 0. `steps`: how many are inside; 0 where another process counts."""

    run_in: Any
    lengths: Tensor
    view: Any
    targets: Tensor
    inside: Tensor
    steps: int


class MusicTask(BaseTask[Data, MusicHeader], ABC):
    """A network built from a recipe, and the pieces it learns from.

    The loss is the negative log-likelihood per step, the first one included.
    """

    STORED = None
    KIND: str
    views: Views

    def __init__(self, context: TaskContext[Data]) -> None:
        self.shifts = pieces.semitones(context.recipe)
        super().__init__(context, MusicHeader, kind=self.KIND)
        self.settings = self.recipe.task_settings(MusicConfig)
        self.train = [self.inputs_of(item) for item in self.data.train]
        self.dev = {name: [self.inputs_of(item) for item in items] for name, items in self.data.dev.items()}

    @abstractmethod
    def inputs_of(self, item: Any) -> Any:
        """A piece as `views` shows it; `moved(shift)` transposes it."""

    @abstractmethod
    def nats(self, items: Sequence[Any], inputs: Sequence[Any]) -> tuple[float, float]:
        """Negative log-likelihood of whole pieces, and over how much it is one."""

    def plan(self, epoch: int) -> list[list[Chunk]]:
        """The batches of an epoch: chunks of like lengths together."""
        chunks = pieces.chunks(self.data.train, self.settings, self.shifts, self.recipe.seed, epoch)
        lengths = [chunk.last - chunk.first for chunk in chunks]
        # The first epoch is like all others: from short to long teaches that pieces are short.
        return self.batches(chunks, lengths, self.recipe.trainer.batch_characters, epoch + 1)

    def describe(self, item: Sequence[Chunk]) -> str:
        """The chunks of a batch, in a few words."""
        piece, first, last, _ = item[0]
        return f"{len(item)} chunks, one is steps {first} to {last} of {self.data.train[piece].id}"

    def batch(self, items: Sequence[Chunk], counts: bool) -> Batch:
        """These chunks, transposed."""
        inputs = [self.train[c.piece].moved(c.shift) for c in items]
        spans = [(c.first, c.last) for c in items]
        before = [(max(0, c.first - self.settings.run_in), c.first) for c in items]
        targets, inside = self.views.targets(inputs, spans)
        lengths = torch.tensor([last - first for first, last in before])
        steps = sum(c.last - c.first for c in items) if counts else 0
        run_in, view = self.views.view(inputs, before), self.views.view(inputs, spans)
        return Batch(run_in, lengths, view, targets, inside, steps)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Negative log-likelihood of a batch, a scalar, and its number of steps."""
        view, targets = on(self.device, batch.view), batch.targets.to(self.device)
        log_probs, _ = self.model(view, targets, self._run_in(batch))
        total = -(log_probs.flatten(2).sum(dim=2) * batch.inside.to(self.device)).sum()
        return (total if batch.steps else 0 * total), batch.steps

    def _run_in(self, batch: Batch) -> Tensor | None:
        """The state at the beginning of each chunk: that after the steps before it, nothing where there are none."""
        if not batch.lengths.any():
            return None
        with torch.no_grad():
            lengths = batch.lengths.clamp(min=1).to(self.device)
            _, state = self.model.encode(on(self.device, batch.run_in), None, lengths)
        some = (batch.lengths > 0).to(state)
        kept: Tensor = state * some.view(1, -1, *[1] * (state.dim() - 2))
        return kept

    def evaluate(self) -> dict[str, float]:
        """Nats per step of all dev pieces (score), and of each set (nats/SET)."""
        scores, total, count = {}, 0.0, 0.0
        for name, inputs in self.dev.items():
            mine = self.group.share(range(len(inputs)))
            own = self.nats([self.data.dev[name][i] for i in mine], [inputs[i] for i in mine])
            nats, over = self.group.sums(own)
            scores[f"nats/{name}"] = nats / max(over, 1)
            total, count = total + nats, count + over
        return {"score": total / max(count, 1), **scores}

    def header(self) -> dict[str, Any]:
        """What the model learns from."""
        corpus = self.recipe.corpus
        sources = [
            {"name": each.name, "path": each.path, "facts": asdict(self.data.facts[each.label])}
            for each in corpus.sources
        ]
        return {"corpus": {"sources": sources, "train": list(corpus.train), "test": list(corpus.test)}}
