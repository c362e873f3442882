"""Learning which of a few things a recording is: the classifier, its loss and its dev error, for fit()."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from speechgru.config import Recipe
from speechgru.data import Recordings, preparation
from speechgru.data.dataset import Batch
from speechgru.data.preparation import Data
from speechgru.errors import CorpusError
from speechgru.evaluation import classification
from speechgru.evaluation.classification import Classification
from speechgru.inference import load_classifier
from speechgru.inference.classifier import Classes, ClassifierHeader
from speechgru.tasks.speech_task import SpeechTask
from speechgru.training import TaskContext
from speechgru.training.report import Curve

CURVE = Curve("score", "dev error, %", 100)


def prepare(recipe: Recipe) -> Data:
    """The recipe's corpora; the text of a recording is its class.

    Raises:
        CorpusError: one class only, or dev or test has one that train lacks.
    """
    data = preparation.prepare(recipe, None, texts_are_classes=True)
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


class Task(SpeechTask[Data, ClassifierHeader]):
    """A classifier built from a recipe, and the recordings it learns from.

    The loss is the negative log-likelihood of the classes per recording (cross-entropy).
    """

    def __init__(self, context: TaskContext[Data]) -> None:
        data = context.data
        self.classes = Classes(tuple(sorted({u.text for u in data.train})))
        super().__init__(
            context,
            ClassifierHeader,
            outputs=("classes", self.classes.names),
            encoder=self.classes,
            dev=data.dev,
        )

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Negative log-likelihood of a batch, a scalar, and its number of recordings."""
        batch = batch.to(self.device)
        log_probs = self.model(batch.features, batch.lengths)
        total = torch.nn.functional.nll_loss(log_probs, batch.labels, reduction="sum")
        return total * batch.counts, batch.counts * len(batch.labels)

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """Share of recordings that get a wrong class: of all dev splits (score), of each (error/SPLIT)."""
        figures: dict[str, float] = {}
        wrong = total = 0.0
        for name, recordings in self.dev.items():
            errors, count = self.group.sums(self._errors(recordings))
            figures[f"error/{name}"] = errors / count
            wrong, total = wrong + errors, total + count
        return {"score": wrong / total, **figures}

    def _errors(self, recordings: Recordings) -> tuple[float, float]:
        """Of this process's share: recordings with a wrong class, and recordings."""
        wrong = total = 0.0
        for batch, indices in self.held_out_batches(recordings):
            classes = self.model(batch.features, batch.lengths).argmax(dim=1)
            wrong += float((classes != batch.labels).sum())
            total += len(indices)
        return wrong, total

    def results(self, path: Path) -> dict[str, Classification]:
        """Accuracy and confusions of a saved model on every dev and test split, through `load_classifier`."""
        classifier = load_classifier(path, str(self.device))
        return {
            name: classification.evaluate(classifier, us)
            for name, us in {**self.data.dev, **self.data.test}.items()
        }
