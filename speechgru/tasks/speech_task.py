"""What the tasks that learn from recordings share: a model that hears, the recordings, and who learns from which."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic

import torch

from speechgru.config.recipe import AugmentConfig, Recipe
from speechgru.data import dataset
from speechgru.data.dataset import Batch, Encoder, Recordings
from speechgru.data.manifest import Utterance
from speechgru.data.preparation import Data
from speechgru.models import checkpoint
from speechgru.models.checkpoint import H
from speechgru.training import initialize
from speechgru.training.distributed import Group
from speechgru.utils.assets import find_model

EVALUATION_SECONDS = 240.0
NAMED = 5


class Listener(Generic[H]):
    """A model built from a recipe, and the recordings it learns from.

    Args:
        header: of the model's kind.
        outputs: the name, in a checkpoint's header, for what the model's outputs stand for, and what that is.
        encoder: makes labels of texts.
        dev: the recordings of each dev split, with texts that `encoder` can make labels of.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        device: torch.device,
        provenance: Mapping[str, Any],
        group: Group,
        *,
        header: type[H],
        outputs: tuple[str, Sequence[str]],
        encoder: Encoder,
        dev: Mapping[str, Sequence[Utterance]],
    ) -> None:
        self.recipe, self.data, self.device, self.group = recipe, data, device, group
        self.kind, self.outputs, self.encoder = header.KIND, outputs, encoder
        self.provenance = dict(provenance)
        self.features = initialize.feature_settings(recipe)
        torch.manual_seed(recipe.seed)
        self.model = initialize.network(recipe, self.kind, self.features.n_mels, len(outputs[1]))
        self.first: initialize.Start[H] | None = None
        if recipe.trainer.start:
            first = checkpoint.load(find_model(recipe.trainer.start))
            self.first = initialize.start(
                self.model, first, header, features=self.features, outputs=outputs[1]
            )
            self.provenance["started_from"] = self.first.header.provenance
        self.model.to(device)
        # A second view of each recording, masked otherwise, is wanted where both should be read alike.
        self.train = self._recordings(
            data.train, recipe.augmentation(), views=2 if recipe.ctc.consistency else 1
        )
        self.dev = {name: self._recordings(utterances, AugmentConfig()) for name, utterances in dev.items()}

    def _recordings(
        self, utterances: Sequence[Utterance], augmentation: AugmentConfig, views: int = 1
    ) -> Recordings:
        cache = self.recipe.audio_cache()
        return Recordings(
            utterances, self.encoder, self.features, augmentation, self.recipe.seed, cache, views
        )

    def plan(self, epoch: int) -> list[list[int]]:
        """Indices of the recordings in each batch of an epoch."""
        most = self.recipe.trainer.batch_seconds * self.group.size
        return dataset.plan(self.train.durations, most, self.recipe.seed, epoch)

    def describe(self, item: Sequence[int]) -> str:
        """The recordings of a batch, the first few by name."""
        names = [self.train.utterances[index].id for index in item]
        return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")

    def load(self, plan: Sequence[Sequence[int]], epoch: int) -> Generator[Batch, None, None]:
        """This process's share of the batches that a plan (or the rest of one) names."""
        # Where there are fewer recordings than processes, some see one that another counts.
        shares = [self.group.share(batch) or batch[:1] for batch in plan]
        loaded = dataset.load(self.train, shares, epoch, self.recipe.trainer.workers)
        with closing(loaded):
            for batch, whole in zip(loaded, plan):
                yield batch if self.group.rank < len(whole) else replace(batch, counts=False)

    def heard(self, recordings: Recordings) -> Generator[tuple[Batch, list[int]], None, None]:
        """This process's share of dev recordings: batches on the device, and the indices of what they hold."""
        plan = dataset.plan(recordings.durations, EVALUATION_SECONDS, self.recipe.seed, 0)
        plan = self.group.share(plan)
        with closing(dataset.load(recordings, plan, 0, self.recipe.trainer.workers)) as loaded:
            for batch, indices in zip(loaded, plan):
                yield batch.to(self.device), indices

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """A checkpoint for users; weights in float16, half the size at no measurable loss."""
        name, outputs = self.outputs
        header = {
            **initialize.header(self.recipe, self.model, {**self.provenance, **progress}),
            "features": initialize.feature_header(self.features),
            name: list(outputs),
            **self.reading(),
        }
        checkpoint.save(path, self.kind, header, self.model.state_dict(), torch.float16)

    def reading(self) -> Mapping[str, Any]:
        """What else the header says: how the model is to be read."""
        return {}
