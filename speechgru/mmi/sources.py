"""What a hybrid model is trained from: signals of recordings, and spikes of phones of a network that CTC trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.augment.speed import speed as change_speed
from speechgru.config.recipe import AugmentConfig
from speechgru.data import Recordings, Utterance
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.mmi.inputs import normalised
from speechgru.models import acoustic, checkpoint
from speechgru.models.audio_header import AudioHeader
from speechgru.utils.assets import find_model


class Samples(Protocol):
    """Signals of numbered recordings."""

    def __call__(self, index: int, speed: float = 1.0) -> Tensor:
        """[time], played at a speed."""


class FromFiles:
    """The signals of utterances, decoded when they are asked for.

    Args:
        cache: a folder for decoded audio.
    """

    def __init__(
        self, utterances: Sequence[Utterance], features: FeatureSettings, cache: Path | None = None
    ) -> None:
        self.utterances = utterances
        self._recordings = Recordings(utterances, _Nothing(), features, AugmentConfig(), 0, cache)

    def __call__(self, index: int, speed: float = 1.0) -> Tensor:
        return change_speed(self._recordings.samples(self.utterances[index]), speed)


class _Nothing:
    """No labels."""

    def encode(self, text: str) -> list[int]:
        return []


class PhoneSpikes:
    """PhoneSpikes(model)(log_mels) -> log-probabilities of CTC's labels of phones, [T', labels] of each.

    Args:
        model: path or name of a model with a head for phones.
    """

    def __init__(self, model: str) -> None:
        loaded = checkpoint.load(find_model(model)).require(acoustic.KIND)
        header = loaded.read(AudioHeader)
        labels = len(loaded.get("vocabulary"))
        self.network = checkpoint.network(loaded, header.model, header.features.n_mels, labels)

    def __call__(self, log_mels: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Of raw log-mels [T, bands], as one batch."""
        rows = [torch.from_numpy(normalised(log_mel)) for log_mel in log_mels]
        features = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        with torch.inference_mode():
            _, lengths, _, phones = self.network.read(features, torch.tensor([len(row) for row in rows]))
        return [row[:size].float().numpy() for row, size in zip(phones, lengths.tolist())]
