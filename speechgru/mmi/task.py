"""Learning a hybrid model with fit(): cross-entropy on alignments, then the lattice-free criterion with a share of it.

    loss = -F / frames + ce * cross-entropy + l2 / 2 * mean over frames of |likelihoods|^2        (mmi)
    loss = cross-entropy                                                                          (ce)

The network's two heads: `posteriors` by cross-entropy, `likelihoods` by F (Povey et al. 2016, sections 2.7 and 3).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.data import dataset
from speechgru.mmi import criterion, targets
from speechgru.mmi.adaptation import Transform
from speechgru.mmi.criterion import Language
from speechgru.mmi.graph import Graph
from speechgru.mmi.inputs import Disturbance, Inputs, chosen
from speechgru.mmi.network import Network
from speechgru.mmi.targets import Aligned

Plan = list[tuple[int, float]]
IGNORED = -100
EVALUATION_SECONDS = 120.0
UNDISTURBED = Disturbance(vocal_tract=0.0, frequency_masks=0, time_mask_max=0)


class Spoken(Protocol):
    """A recording that is learnt from."""

    name: str
    seconds: float
    text: Graph
    """With the trigram's weights."""
    alignment: Aligned
    """At speed 1."""

    def log_mel(self, speed: float) -> NDArray[np.float32]:
        """Raw, [T, bands], played at a speed."""

    def transforms(self, speed: float) -> Sequence[Transform]:
        """The speaker's and the recording's own; none where features are not fitted."""


@dataclass(frozen=True)
class Settings:
    """stage: what is minimised. ce: share of cross-entropy beside F. l2: of the likelihoods. batch_seconds: of a batch.
    speeds: one is drawn for each recording and epoch. fitted: shares of the speaker's and the recording's transform."""

    stage: Literal["ce", "mmi"] = "mmi"
    ce: float = 0.3
    l2: float = 5e-5
    batch_seconds: float = 90.0
    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    fitted: tuple[float, ...] = (0.5, 0.35)
    seed: int = 1


class Batch(NamedTuple):
    """features [B, T, F], lengths [B], labels [B, T'] (IGNORED past the ends), texts."""

    features: Tensor
    lengths: Tensor
    labels: Tensor
    texts: Sequence[Graph]


class Task:
    """What fit() trains; see `speechgru.training.Task`.

    Args:
        model: the network, on the device that it learns on.
        train: recordings.
        dev: recordings of each dev set, taken at speed 1 with the first of their transforms.
        save: writes the model for users, given a path and the progress.
        share: gives this process's part of a plan, where several train together.
    """

    def __init__(
        self,
        model: Network,
        inputs: Inputs,
        language: Language,
        train: Sequence[Spoken],
        dev: Mapping[str, Sequence[Spoken]],
        settings: Settings,
        disturbance: Disturbance = UNDISTURBED,
        save: Any = None,
        share: Callable[[Sequence[Plan]], list[Plan]] = list,
    ) -> None:
        self.model: torch.nn.Module = model
        self.inputs, self.language = inputs, language
        self.train, self.dev, self.settings, self.disturbance = train, dev, settings, disturbance
        self._save, self._share = save, share
        self.device = next(model.parameters()).device

    def plan(self, epoch: int) -> list[Plan]:
        """Recordings and their speeds in each batch of an epoch."""
        draw = np.random.default_rng([self.settings.seed, epoch, 1])
        speeds = draw.choice(np.array(self.settings.speeds), len(self.train)).tolist()
        seconds = [spoken.seconds / speed for spoken, speed in zip(self.train, speeds)]
        plan = dataset.plan(seconds, self.settings.batch_seconds, self.settings.seed, epoch)
        return self._share([[(index, speeds[index]) for index in batch] for batch in plan])

    def describe(self, item: Sequence[tuple[int, float]]) -> str:
        """The recordings of a batch."""
        return ", ".join(self.train[index].name for index, _ in item)

    def load(self, plan: Sequence[Sequence[tuple[int, float]]], epoch: int) -> Generator[Batch, None, None]:
        """The batches of a plan."""
        for item in plan:
            rows = []
            for index, speed in item:
                generator = torch.Generator().manual_seed(
                    (self.settings.seed * 1_000_003 + epoch) * 1_000_003 + index
                )
                spoken = self.train[index]
                transform = chosen(spoken.transforms(speed), self.settings.fitted, generator)
                features = self.inputs(spoken.log_mel(speed), transform, self.disturbance, generator)
                rows.append((spoken, speed, features))
            yield self._batch(rows)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """The sum over a batch's frames, and their number."""
        texts, labels = batch.texts, batch.labels.to(self.device)
        likely, posterior, lengths = self.model(batch.features.to(self.device), batch.lengths.to(self.device))
        valid, frames = labels != IGNORED, int(lengths.sum())
        ce = torch.nn.functional.cross_entropy(posterior[valid].float(), labels[valid], reduction="sum")
        if self.settings.stage == "ce":
            return ce, frames
        likely = likely.float()
        value, counted = criterion.objective(likely, lengths, texts, self.language)
        loud = 0.5 * self.settings.l2 * likely[valid].square().sum()
        return self.settings.ce * ce - value * (frames / max(counted, 1)) + loud, frames

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """Of each dev set F a frame (mmi/SET) and the share of frames whose output is right (frames/SET); score: -F of
        all, in the first stage cross-entropy."""
        figures: dict[str, float] = {}
        total = count = 0.0
        for name, recordings in self.dev.items():
            sums = np.sum([self._evaluated(batch) for batch in self._dev_batches(recordings)], axis=0)
            frames, right, ce, value, counted = sums.tolist()
            figures[f"frames/{name}"] = right / frames
            figures[f"mmi/{name}"] = value / max(counted, 1.0)
            total += ce if self.settings.stage == "ce" else -value
            count += frames if self.settings.stage == "ce" else counted
        return {"score": total / max(count, 1.0), **figures}

    def _dev_batches(self, recordings: Sequence[Spoken]) -> Generator[Batch, None, None]:
        plan = dataset.plan([spoken.seconds for spoken in recordings], EVALUATION_SECONDS, 0, 0)
        for item in plan:
            rows = []
            for index in item:
                spoken = recordings[index]
                transform = next(iter(spoken.transforms(1.0)), None)
                rows.append((spoken, 1.0, self.inputs(spoken.log_mel(1.0), transform)))
            yield self._batch(rows)

    def _evaluated(self, batch: Batch) -> tuple[float, float, float, float, float]:
        """Frames, right ones, cross-entropy, F, and frames that F is of."""
        likely, posterior, lengths = self.model(batch.features.to(self.device), batch.lengths.to(self.device))
        labels = batch.labels.to(self.device)
        valid = labels != IGNORED
        posterior, labels = posterior[valid].float(), labels[valid]
        ce = float(torch.nn.functional.cross_entropy(posterior, labels, reduction="sum"))
        right = int((posterior.argmax(dim=1) == labels).sum())
        value, counted = criterion.objective(likely.float(), lengths, batch.texts, self.language)
        return float(lengths.sum()), right, ce, float(value), counted

    def _batch(self, rows: Sequence[tuple[Spoken, float, Tensor]]) -> Batch:
        pad = torch.nn.utils.rnn.pad_sequence
        labels = [
            torch.from_numpy(targets.outputs(spoken.alignment, len(features), self.language.tying, speed))
            for spoken, speed, features in rows
        ]
        return Batch(
            pad([features for _, _, features in rows], batch_first=True),
            torch.tensor([len(features) for _, _, features in rows]),
            pad(labels, batch_first=True, padding_value=IGNORED),
            [spoken.text for spoken, _, _ in rows],
        )

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """Write the model for users."""
        if self._save:
            self._save(path, progress)


@torch.no_grad()
def begin_mmi(model: Network, shares: NDArray[np.float64], scale: float = 0.5) -> None:
    """Start the likelihoods' head from the posteriors' after cross-entropy: posterior / prior, to a power.

    Args:
        shares: of the frames, of each output: the prior.
    """
    prior = torch.from_numpy(np.log(np.maximum(shares, 1e-7))).float().to(model.posteriors.bias.device)
    model.likelihoods.weight.copy_(scale * model.posteriors.weight)
    model.likelihoods.bias.copy_(scale * (model.posteriors.bias - prior))
