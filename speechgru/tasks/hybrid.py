"""Training a hybrid model further, by lattice-free MMI on features fitted to speakers, for fit().

The model that `trainer.start` names aligns the recordings and fits their features; its outputs, pronunciations and
search stay what they are, and its network learns. A model from nothing is made by tools/release/make_hybrid.py.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechgru.config import Recipe
from speechgru.config.recipe import AugmentConfig
from speechgru.data import Utterance, preparation
from speechgru.data.preparation import Data
from speechgru.errors import ConfigError
from speechgru.evaluation import evaluate
from speechgru.evaluation.recognition import Evaluation
from speechgru.inference import load_recognizer
from speechgru.lm import ngram
from speechgru.mmi import favoured, model_file, refit, task
from speechgru.mmi.feature_store import Store
from speechgru.mmi.inputs import Disturbance, Inputs
from speechgru.mmi.model_file import HybridHeader
from speechgru.mmi.network import STRIDE
from speechgru.mmi.pipeline import Spoken
from speechgru.mmi.sources import FromFiles
from speechgru.models import Checkpoint, checkpoint
from speechgru.tasks import held_out
from speechgru.tasks.hybrid_settings import HybridConfig
from speechgru.training import TaskContext
from speechgru.training.report import Curve
from speechgru.utils.assets import find_lm, find_model

CURVE = Curve("score", "dev, -F a frame")
INHERITED = ("gate", "calibration", "detector")  # how a model's words are judged
FITTED = 0.4, 0.5  # shares of the speaker's and the recording's own transform
_log = logging.getLogger(__name__)


def prepare(recipe: Recipe) -> Data:
    """The recipe's corpora, with what can't be learnt from taken out.

    Raises:
        ConfigError: no model to start from; an augmentation that this task doesn't do.
        CheckpointError: the model is of another kind.
    """
    other = replace(recipe.augment, speed=AugmentConfig().speed)
    if other != AugmentConfig():
        raise ConfigError(
            "task=hybrid changes speeds, masks and frequencies by itself; of augment it takes speed alone. Leave the "
            "other settings out."
        )
    header = _start(recipe).read(HybridHeader)
    rate = 1 / (header.features.hop * STRIDE * max(recipe.augment.speed))
    return preparation.prepare(recipe, rate, languages=header.languages)


def _start(recipe: Recipe) -> Checkpoint:
    if not recipe.trainer.start:
        raise ConfigError("task=hybrid trains a model further. Pass trainer.start=MODEL (english).")
    return checkpoint.load(find_model(recipe.trainer.start)).require(HybridHeader.KIND)


class Task(task.Task):
    """The network of a hybrid model, and the recordings that it learns from, aligned and fitted."""

    def __init__(self, context: TaskContext[Data]) -> None:
        recipe, data = context.recipe, context.data
        loaded = _start(recipe)
        self.recipe, self.data, self.hybrid = recipe, data, model_file.of(loaded)
        self.inherited = {name: loaded.header[name] for name in INHERITED if name in loaded.header}
        self.provenance = {**context.provenance, "started_from": loaded.get("provenance")}
        if self.hybrid.adapter is None or self.hybrid.gram is None:
            raise ConfigError(
                f"{loaded.path} holds no mixtures and no trigram of phones, which training it further needs. Start "
                "from another model (english)."
            )
        torch.manual_seed(recipe.seed)
        settings, adapter = recipe.task_settings(HybridConfig), self.hybrid.adapter
        spoken, store = self._set("train", data.train)
        language, train = refit.prepared(
            adapter, self.hybrid.tying, spoken, store, recipe.augment.speed, gram=self.hybrid.gram
        )
        if not train:
            raise ConfigError(
                "No recording could be aligned with its text: are these the texts of the recordings?"
            )
        _log.info("%d of %d recordings are aligned", len(train), len(spoken))
        if settings.one_voice:
            voices = {one.name: one.transforms(1.0)[0] for one in train}
            adapter = adapter.of_voice(np.mean([*voices.values()], axis=0), 1 - settings.one_voice)
            self.hybrid = replace(self.hybrid, adapter=adapter)
        if settings.favoured:
            lm = ngram.load(find_lm(self.hybrid.lm))
            gains = favoured.gains((one.text for one in spoken), lm, settings.favoured)
            self.hybrid = replace(self.hybrid, favoured={**self.hybrid.favoured, **gains})
        group = context.group
        super().__init__(
            self.hybrid.network.to(context.device).train(),
            Inputs(self.hybrid.features, adapter),
            language,
            train,
            {
                name: refit.for_dev(adapter, language, *self._set(name, rows))
                for name, rows in data.dev.items()
            },
            task.Settings(
                "mmi",
                settings.cross_entropy,
                settings.loud,
                recipe.trainer.batch_seconds,
                tuple(recipe.augment.speed),
                FITTED,
                recipe.seed,
            ),
            Disturbance(vocal_tract=settings.vocal_tract),
            share=lambda plan: group.share(plan[: max(len(plan) // group.size, 1) * group.size]),
        )

    def _set(self, name: str, utterances: list[Utterance]) -> tuple[list[Spoken], Store]:
        """What is known of some recordings, and their log-mel, which is kept in the run's folder."""
        samples = FromFiles(utterances, self.hybrid.features, self.recipe.audio_cache())
        spoken = [Spoken(u.id, u.duration, u.text, u.speaker or u.id) for u in utterances]
        folder = Path(self.recipe.output) / "log-mel"
        return spoken, Store(folder, name, samples, len(utterances), self.hybrid.features)

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """Write the model, its words judged as those of the model before."""
        provenance = {**self.provenance, **progress}
        model_file.save(path, self.hybrid, provenance, torch.float16, self.inherited)

    def results(self, path: Path) -> dict[str, Evaluation]:
        """WER and CER of a saved model on every dev and test split; what was held out of train is also scored with the
        model that the run started from, and teaches confidences first."""
        splits = self.data.dev | self.data.test
        own, first, device = splits.get(preparation.HELD_OUT), self.recipe.trainer.start, str(self.device)
        if own:
            held_out.teach(path, own, ("confidence",), first, device)
        recognizer = load_recognizer(path, device)
        results = {name: evaluate(recognizer, rows) for name, rows in splits.items()}
        if own:
            results[held_out.BEFORE] = evaluate(load_recognizer(first, device), own)
        return results
