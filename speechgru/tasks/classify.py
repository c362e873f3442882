"""Learning which of a few things a recording is: the classifier, its loss and its dev error, for fit()."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechgru import batches, building, checkpoint, preparation
from speechgru.batches import Batch, Recordings
from speechgru.classification import KIND, Classes, Classification, load_classifier
from speechgru.errors import CorpusError
from speechgru.packaged import find_model
from speechgru.parallel import ALONE, Group
from speechgru.preparation import Data
from speechgru.recipe import AugmentConfig, Recipe
from speechgru.report import Curve

GROUPS = ("features", "model")
CURVE = Curve("score", "dev error, %", 100)
EVALUATION_SECONDS = 240.0


def prepare(recipe: Recipe) -> Data:
    """The recipe's corpora; the text of a recording is its class.

    Raises:
        CorpusError: one class only, or dev or test has one that train lacks.
    """
    data = preparation.prepare(recipe, None)
    classes = {u.text for u in data.train}
    for name, utterances in {**data.dev, **data.test}.items():
        foreign = sorted({u.text for u in utterances} - classes)
        if foreign:
            raise CorpusError(
                f"{name} has the class {foreign[0]!r}, which train lacks; train has {', '.join(sorted(classes))}. "
                "Take it out of the split, or add recordings of it."
            )
    if len(classes) < 2:
        raise CorpusError(
            f"train holds recordings of {', '.join(classes)} only; expected two classes at least."
        )
    return data


class Task:
    """A classifier built from a recipe, and the recordings it learns from.

    The loss is the negative log-likelihood of the classes per recording (cross-entropy).
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        device: torch.device,
        provenance: Mapping[str, Any],
        group: Group = ALONE,
    ) -> None:
        self.recipe, self.data, self.device, self.group = recipe, data, device, group
        self.provenance = dict(provenance)
        self.classes = Classes(tuple(sorted({u.text for u in data.train})))
        self.features = building.feature_settings(recipe)
        torch.manual_seed(recipe.seed)
        self.model = building.network(recipe, KIND, self.features.n_mels, len(self.classes.names))
        if recipe.trainer.start:
            expected = {"features": self.features.fingerprint, "classes": list(self.classes.names)}
            path = find_model(recipe.trainer.start)
            first = building.start(self.model, path, KIND, expected)
            self.provenance["started_from"] = first.get("provenance", {})
        self.model.to(device)
        self.train = self._recordings(data.train, recipe.augmentation())
        self.dev = {name: self._recordings(us, AugmentConfig()) for name, us in data.dev.items()}

    def _recordings(self, utterances: Sequence[Any], augmentation: AugmentConfig) -> Recordings:
        # Beside the run's folder, so that runs share what they decoded.
        cache = Path(self.recipe.output).parent / "audio-cache" if self.recipe.corpus.cache else None
        return Recordings(utterances, self.classes, self.features, augmentation, self.recipe.seed, cache)

    def plan(self, epoch: int) -> list[list[int]]:
        """Indices of the recordings in each batch of an epoch."""
        durations = [u.duration for u in self.train.utterances]
        most = self.recipe.trainer.batch_seconds * self.group.size
        return batches.plan(durations, most, self.recipe.seed, epoch)

    def describe(self, item: Sequence[int]) -> str:
        """The recordings of a batch, one by name."""
        return f"{len(item)} recordings, one is {self.train.utterances[item[0]].id}"

    def load(self, plan: Sequence[Sequence[int]], epoch: int) -> Generator[Batch, None, None]:
        """This process's share of the batches that a plan (or the rest of one) names."""
        # Where there are fewer recordings than processes, some see one that another counts.
        shares = [self.group.share(batch) or batch[:1] for batch in plan]
        with closing(batches.load(self.train, shares, epoch, self.recipe.trainer.workers)) as loaded:
            for batch, whole in zip(loaded, plan):
                yield batch if self.group.rank < len(whole) else replace(batch, counts=False)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Negative log-likelihood of a batch, a scalar, and its number of recordings."""
        batch = batch.to(self.device)
        log_probs = self.model(batch.features, batch.lengths)
        total = torch.nn.functional.nll_loss(log_probs, batch.labels, reduction="sum")
        return total * batch.counts, batch.counts * len(batch.labels)

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """Share of recordings that were found wrong: of all dev splits (score), of each (error/SPLIT)."""
        figures: dict[str, float] = {}
        wrong = total = 0.0
        for name, recordings in self.dev.items():
            errors, count = self.group.sums(self._errors(recordings))
            figures[f"error/{name}"] = errors / count
            wrong, total = wrong + errors, total + count
        return {"score": wrong / total, **figures}

    def _errors(self, recordings: Recordings) -> tuple[float, float]:
        """Of this process's share: recordings found wrong, and recordings."""
        durations = [u.duration for u in recordings.utterances]
        plan = self.group.share(batches.plan(durations, EVALUATION_SECONDS, self.recipe.seed, 0))
        wrong = 0.0
        with closing(batches.load(recordings, plan, 0, self.recipe.trainer.workers)) as loaded:
            for batch in loaded:
                batch = batch.to(self.device)
                found = self.model(batch.features, batch.lengths).argmax(dim=1)
                wrong += float((found != batch.labels).sum())
        return wrong, float(sum(map(len, plan)))

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """A checkpoint for users; weights in float16, half the size at no measurable loss."""
        header = {
            **building.header(self.recipe, self.model, {**self.provenance, **progress}),
            "features": building.feature_header(self.features),
            "classes": list(self.classes.names),
        }
        checkpoint.save(path, KIND, header, self.model.state_dict(), torch.float16)

    def results(self, path: Path) -> dict[str, Classification]:
        """Accuracy and confusions of a saved model on every dev and test split, through `load_classifier`."""
        classifier = load_classifier(path, str(self.device))
        return {name: classifier.evaluate(us) for name, us in {**self.data.dev, **self.data.test}.items()}
