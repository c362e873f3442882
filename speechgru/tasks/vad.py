"""Learning where somebody speaks: the detector, its loss in each frame and its F1 on dev, for fit()."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechgru import audio
from speechgru.augment import pipeline
from speechgru.config import Recipe
from speechgru.config.recipe import AugmentConfig
from speechgru.data import Recordings, Utterance, preparation
from speechgru.data.dataset import Batch
from speechgru.data.preparation import CorpusUse
from speechgru.errors import ConfigError, CorpusError
from speechgru.evaluation import vad as vad_metrics
from speechgru.evaluation.vad import Agreement
from speechgru.inference.classifier import Classes
from speechgru.models.encoder import inside
from speechgru.tasks.speech_task import SpeechTask
from speechgru.tasks.vad_mixtures import CLEAN, Fixed, Mixtures, Stretch
from speechgru.tasks.vad_settings import VadConfig
from speechgru.training import TaskContext
from speechgru.training.report import Curve
from speechgru.utils import files
from speechgru.vad import Detector, labels, load_detector
from speechgru.vad.detector import SOUNDS, DetectorHeader

CURVE = Curve("score", "dev 1 - F1, %", 100)
NOISE = "noise"
THRESHOLDS = np.arange(0.05, 0.96, 0.05).round(2)
BATCH = 16  # stretches that are scored at once
HELD_OUT_SEED = 0  # what is held out is the same whatever the recipe's seed


@dataclass(frozen=True)
class Data(preparation.Data):
    """Recordings of speech, and the files of noise of train, dev and test."""

    noises: Mapping[str, Sequence[Path]]

    def identity(self) -> Any:
        return (*super().identity(), [path.name for path in self.noises["train"]])

    def write(self, folder: Path) -> None:
        super().write(folder)
        rows = [f"{part}\t{path}\n" for part, paths in self.noises.items() for path in paths]
        files.write_text(folder / "manifests" / "noises.tsv", "".join(rows))

    def uses(self, recipe: Recipe) -> list[CorpusUse]:
        seconds = sum(audio.info(path).duration or 0 for path in self.noises["train"])
        vad = recipe.task_settings(VadConfig)
        noise = CorpusUse(NOISE, vad.licence, vad.url, round(seconds / 3600, 3))
        return [*super().uses(recipe), *([noise] if seconds else [])]


def prepare(recipe: Recipe) -> Data:
    """The recipe's corpora, all of it clean speech, and its noises.

    Raises:
        CorpusError: noises are not there, or the same ones are in train and in dev or test.
    """
    data = preparation.prepare(recipe, None)
    vad, corpus = recipe.task_settings(VadConfig), recipe.corpus
    noises = {"train": pipeline.find("augment.noise_files", recipe.augmentation().noise_files)}
    for name in ("dev", "test"):
        where = getattr(vad, f"{name}_noise")
        if not where:
            raise CorpusError(
                f"vad.{name}_noise is empty; expected a folder or pattern of noises, as in the recipe vad."
            )
        noises[name] = pipeline.find(f"vad.{name}_noise", str(corpus.below_root(where)))
        shared = set(noises["train"]) & set(noises[name])
        if shared:
            raise CorpusError(
                f"{len(shared)} noises are both in train and in {name}, the first is {min(shared)}. Name others "
                f"in augment.noise_files or vad.{name}_noise."
            )
    return Data(**vars(data), noises=noises)


class Task(SpeechTask[Data, DetectorHeader]):
    """A detector built from a recipe, and the stretches of speech and noise it learns from.

    The loss is the negative log-likelihood of what each frame is (binary cross-entropy).
    """

    def __init__(self, context: TaskContext[Data]) -> None:
        recipe, data = context.recipe, context.data
        _check(recipe)
        self.settings = recipe.task_settings(VadConfig)
        super().__init__(
            context,
            DetectorHeader,
            outputs=("sounds", SOUNDS),
            encoder=Classes(SOUNDS),
            dev={},
        )
        self.threshold = 0.5
        self.train = self._mixtures(data.train, recipe.augmentation(), self.settings.alone, recipe.seed)
        self.dev = dict(self.held_out("dev", data.dev))

    def _mixtures(
        self,
        utterances: Sequence[Utterance],
        augment: AugmentConfig,
        alone: float,
        seed: int,
        fixed: Fixed | None = None,
    ) -> Mixtures:
        return Mixtures(
            utterances,
            self.encoder,
            self.features,
            augment,
            seed,
            self.recipe.audio_cache(),
            vad=self.settings,
            alone=alone,
            stride=self.model.stride,
            fixed=fixed,
        )

    def held_out(
        self, part: str, splits: Mapping[str, Sequence[Utterance]]
    ) -> Iterator[tuple[str, Mixtures]]:
        """The stretches of dev or test sets, by name, and those of its noises alone."""
        noises, plain = self.data.noises[part], AugmentConfig()
        for name, utterances in splits.items():
            fixed = Fixed(noises, (CLEAN, *self.settings.snrs))
            yield name, self._mixtures(utterances, plain, 0.0, HELD_OUT_SEED, fixed)
        alone = [Utterance(path, self.settings.seconds, "", id=path.stem) for path in noises]
        yield f"{part} {NOISE}", self._mixtures(alone, plain, 1.0, HELD_OUT_SEED, Fixed(noises, (0.0,)))

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Binary cross-entropy of a batch, a scalar, and its number of frames."""
        batch = batch.to(self.device)
        log_odds, lengths = self.model(batch.features, batch.lengths)
        frames = log_odds[..., 0][inside(lengths, log_odds.shape[1])]
        wanted = batch.labels.to(frames.dtype)
        total = torch.nn.functional.binary_cross_entropy_with_logits(frames, wanted, reduction="sum")
        return total * batch.counts, batch.counts * len(wanted)

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """1 - F1 of the frames of all dev sets (score) at the threshold where that is best, which is kept; and there
        precision, recall, false_alarms, and f1/SET of each set with speech.

        Raises:
            CorpusError: nobody speaks in any dev stretch.
        """
        parts = {}
        for name, mixtures in self.dev.items():
            counted = self.group.sums(self._counts(mixtures).ravel().tolist())
            parts[name] = np.array(counted).reshape(len(THRESHOLDS), 4)
        total = np.sum(list(parts.values()), axis=0)
        if not total[0, ::2].any():  # neither detected nor missed
            vad = self.settings
            raise CorpusError(
                f"Nobody speaks in any stretch of {', '.join(self.dev)}, so F1 has no value: each is {vad.seconds:g} s "
                f"and begins with a gap of {vad.gap[0]:g} to {vad.gap[1]:g} s. Raise vad.seconds, shorten vad.gap or "
                "add recordings to corpus.dev."
            )
        best = max(range(len(THRESHOLDS)), key=lambda i: vad_metrics.measures(total[i])["f1"])
        self.threshold = float(THRESHOLDS[best])
        overall = vad_metrics.measures(total[best])
        each = {f"f1/{name}": vad_metrics.measures(counts[best])["f1"] for name, counts in parts.items()}
        figures = {"score": 1 - overall["f1"], **overall, "threshold": self.threshold, **each}
        return {name: value for name, value in figures.items() if value == value}

    def _counts(self, mixtures: Recordings) -> vad_metrics.Counts:
        """Of this process's share, frames by what they are and were taken for at each threshold, [thresholds, 4]."""
        counts = np.zeros((len(THRESHOLDS), 4))
        for batch, _ in self.held_out_batches(mixtures):
            log_odds, lengths = self.model(batch.features, batch.lengths)
            probabilities = log_odds[..., 0][inside(lengths, log_odds.shape[1])].sigmoid().cpu().numpy()
            spoken = batch.labels.cpu().numpy() == 1
            counts += [vad_metrics.count(probabilities >= threshold, spoken) for threshold in THRESHOLDS]
        return counts

    def reading(self) -> Mapping[str, Any]:
        """The threshold that was best in the last evaluation."""
        return {"threshold": self.threshold}

    def results(self, path: Path) -> dict[str, Agreement]:
        """Precision, recall and F1 of a saved model on every dev and test set, through `load_detector`."""
        detector = load_detector(path, str(self.device))
        held_out = (("dev", self.data.dev), ("test", self.data.test))
        sets = [pair for part, splits in held_out for pair in self.held_out(part, splits)]
        return {name: score(detector, mixtures) for name, mixtures in sets}


def score(detector: Detector, mixtures: Mixtures) -> Agreement:
    """How the detector's frames, at its threshold, agree with every stretch of a set."""
    counts, conditions = [], []
    numbers = range(len(mixtures.utterances))
    for start in range(0, len(numbers), BATCH):
        stretches = [mixtures.stretch(0, index) for index in numbers[start : start + BATCH]]
        probabilities = detector.probabilities([stretch.signal.numpy() for stretch in stretches])
        for stretch, frames in zip(stretches, probabilities, strict=True):
            decided = frames >= detector.rules.threshold
            decided = labels.on_grid(decided, detector.frame_seconds, len(stretch.spoken))
            counts.append(vad_metrics.count(decided, stretch.spoken))
            conditions.append(condition(stretch))
    return vad_metrics.summarise(counts, conditions, [u.speaker for u in mixtures.utterances])


def condition(stretch: Stretch) -> str:
    """What a stretch is called in tables: `clean`, `10 dB`, `noise alone`."""
    if not stretch.spoken.any():
        return "noise alone"
    return "clean" if stretch.snr == CLEAN else f"{stretch.snr:g} dB"


def _check(recipe: Recipe) -> None:
    """Raises ConfigError for settings of features and augmentation that a detector can't take."""
    if recipe.features.get("normalise") != "none":
        raise ConfigError(
            "task=vad processes a recording as it comes in, before its mean is known; pass features.normalise=none."
        )
    augment = recipe.augment
    if augment.time_masks or augment.frequency_masks or augment.vocal_tract:
        raise ConfigError(
            "task=vad changes sound, not features: set augment.time_masks, augment.frequency_masks and "
            "augment.vocal_tract to 0."
        )
