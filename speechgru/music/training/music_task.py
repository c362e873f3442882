"""Training of models of music, for fit(): what piano rolls and tokens have in common. Chunks of pieces and their
likelihood, and that of whole dev pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from speechgru.config.recipe import Recipe
from speechgru.data import dataset
from speechgru.models import checkpoint
from speechgru.music.models.scoring import MusicHeader, Views, on
from speechgru.music.training import pieces
from speechgru.music.training.pieces import Chunk, Data
from speechgru.training import initialize
from speechgru.training.distributed import ALONE, Group
from speechgru.utils.assets import find_model

MODELS = "music.models"


class Batch(NamedTuple):
    """Chunks: what was before each step, the `targets`, what is `inside` a chunk [B, T], and the `run_in` before it
    with its `lengths` [B], which may be 0. `steps`: how many are inside; 0 where another process counts."""

    run_in: Any
    lengths: Tensor
    view: Any
    targets: Tensor
    inside: Tensor
    steps: int


class Learning(ABC):
    """A network built from a recipe, and the pieces it learns from.

    The loss is the negative log-likelihood per step, the first one included.
    """

    KIND: str
    views: Views

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        device: torch.device,
        provenance: Mapping[str, Any],
        group: Group = ALONE,
    ) -> None:
        self.recipe, self.data, self.device, self.group = recipe, data, device, group
        self.provenance, self.shifts = dict(provenance), pieces.semitones(recipe)
        torch.manual_seed(recipe.seed)
        self.model = initialize.network(recipe, self.KIND, folder=MODELS)
        if recipe.trainer.start:
            stored = checkpoint.load(find_model(recipe.trainer.start)).require(self.KIND)
            first = initialize.start(self.model, stored, MusicHeader)
            self.provenance["started_from"] = first.header.provenance
        self.model.to(device)
        self.train = [self.inputs_of(item) for item in data.train]
        self.dev = {name: [self.inputs_of(item) for item in items] for name, items in data.dev.items()}

    @abstractmethod
    def inputs_of(self, item: Any) -> Any:
        """A piece as `views` shows it; `moved(shift)` transposes it."""

    @abstractmethod
    def nats(self, items: Sequence[Any], inputs: Sequence[Any]) -> tuple[float, float]:
        """Negative log-likelihood of whole pieces, and over how much it is one."""

    def plan(self, epoch: int) -> list[list[Chunk]]:
        """The batches of an epoch: chunks of like lengths together."""
        chunks = pieces.chunks(self.data.train, self.recipe.music, self.shifts, self.recipe.seed, epoch)
        most = self.recipe.trainer.batch_characters * self.group.size
        # The first epoch is like all others: from short to long teaches that pieces are short.
        planned = dataset.plan([c.last - c.first for c in chunks], most, self.recipe.seed, epoch + 1)
        return [[chunks[i] for i in batch] for batch in planned]

    def describe(self, item: Sequence[Chunk]) -> str:
        """The chunks of a batch, in a few tokens."""
        piece, first, last, _ = item[0]
        return f"{len(item)} chunks, one is steps {first} to {last} of {self.data.train[piece].id}"

    def load(self, plan: Sequence[Sequence[Chunk]], epoch: int) -> Generator[Batch, None, None]:
        """This process's share of the batches that a plan (or the rest of one) names."""
        for whole in plan:
            share = self.group.share(whole)
            # Where there are fewer chunks than processes, some see one that another counts.
            yield self._batch(share or whole[:1], counts=bool(share))

    def _batch(self, chunks: Sequence[Chunk], counts: bool) -> Batch:
        inputs = [self.train[c.piece].moved(c.shift) for c in chunks]
        spans = [(c.first, c.last) for c in chunks]
        before = [(max(0, c.first - self.recipe.music.run_in), c.first) for c in chunks]
        targets, inside = self.views.targets(inputs, spans)
        lengths = torch.tensor([last - first for first, last in before])
        steps = sum(c.last - c.first for c in chunks) if counts else 0
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

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """A checkpoint for users."""
        corpus = self.recipe.corpus
        header = initialize.header(self.recipe, self.model, {**self.provenance, **progress})
        header["corpus"] = {
            "sources": [
                {"name": each.name, "path": each.path, "facts": asdict(self.data.facts[each.label])}
                for each in corpus.sources
            ],
            "train": list(corpus.train),
            "test": list(corpus.test),
        }
        checkpoint.save(path, self.KIND, header, self.model.state_dict())
