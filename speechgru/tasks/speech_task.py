"""What the tasks that learn from recordings share: features, recordings, and their batches."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Generic, TypeVar

from speechgru.config.recipe import AugmentConfig
from speechgru.data import Recordings, Utterance, dataset
from speechgru.data.dataset import Batch, Encoder
from speechgru.data.preparation import Data
from speechgru.models.checkpoint import H
from speechgru.training import TaskContext, initialize
from speechgru.training.task import BaseTask

EVALUATION_SECONDS = 240.0
NAMED = 5
D = TypeVar("D", bound=Data)


class SpeechTask(BaseTask[D, H], Generic[D, H]):
    """A model built from a recipe, and the recordings it learns from.

    Args:
        header: of the checkpoints.
        outputs: the name, in a checkpoint's header, for what the model's outputs stand for, and what that is.
        encoder: makes labels of texts.
        dev: the recordings of each dev split, with texts that `encoder` can make labels of.
        derived: settings of the network that follow from the data.
        views: of each training recording, augmented apart.
    """

    def __init__(
        self,
        context: TaskContext[D],
        header: type[H],
        *,
        outputs: tuple[str, Sequence[str]],
        encoder: Encoder,
        dev: Mapping[str, Sequence[Utterance]],
        derived: Mapping[str, Any] | None = None,
        views: int = 1,
    ) -> None:
        self.features = initialize.feature_settings(context.recipe)
        self.outputs, self.encoder = outputs, encoder
        sizes = self.features.n_mels, len(outputs[1])
        super().__init__(
            context,
            header,
            *sizes,
            kind=header.KIND,
            derived=derived,
            features=self.features,
            outputs=outputs[1],
        )
        augmentation = self.recipe.augmentation()
        self.train = self._recordings(self.data.train, augmentation, views)
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
        durations = self.train.durations
        return self.batches(range(len(durations)), durations, self.recipe.trainer.batch_seconds, epoch)

    def describe(self, item: Sequence[int]) -> str:
        """The recordings of a batch, the first few by name."""
        names = [self.train.utterances[index].id for index in item]
        return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")

    def load(self, plan: Sequence[Sequence[int]], epoch: int) -> Generator[Batch, None, None]:
        """This process's share of the batches that a plan (or the rest of one) names."""
        shares = [self.share(batch) for batch in plan]
        workers = self.recipe.trainer.workers
        with closing(dataset.load(self.train, [share for share, _ in shares], epoch, workers)) as loaded:
            for batch, (_, counts) in zip(loaded, shares):
                yield batch if counts else replace(batch, counts=False)

    def held_out_batches(self, recordings: Recordings) -> Generator[tuple[Batch, list[int]], None, None]:
        """This process's share of dev recordings: batches on the device, and the indices of what they hold."""
        plan = dataset.plan(recordings.durations, EVALUATION_SECONDS, self.recipe.seed, 0)
        plan = self.group.share(plan)
        with closing(dataset.load(recordings, plan, 0, self.recipe.trainer.workers)) as loaded:
            for batch, indices in zip(loaded, plan):
                yield batch.to(self.device), indices

    def header(self) -> Mapping[str, Any]:
        """The features, what the outputs stand for, and how they are read."""
        name, outputs = self.outputs
        return {
            "features": initialize.feature_header(self.features),
            name: list(outputs),
            **self.reading(),
        }

    def reading(self) -> Mapping[str, Any]:
        """How the outputs are read: the entries of the header that a kind of model has for itself."""
        return {}
