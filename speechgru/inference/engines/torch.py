"""Run an acoustic checkpoint with PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.audio import array
from speechgru.audio.energy import Signal
from speechgru.errors import SpeechGruError
from speechgru.features import LogMel
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.inference.batching import padded
from speechgru.inference.protocols import AcousticModel
from speechgru.models import Checkpoint, checkpoint


class Engine:
    """features [B, T, F], lengths [B] → log-probabilities [B, T', V], lengths [B].

    With a phone head, [B, T', V + 1 + S]: the phone outputs (blank first) are a distribution of their own.

    Attributes:
        header: of the model's file.
        features: the feature module the model was trained with.
        vocabulary: the characters, V.
        sounds: the names of the phones, S.
        sample_rate: in Hz.
        frame_seconds: seconds per output frame.

    Raises:
        CheckpointError: it is no acoustic model, or its parts don't fit together.
    """

    def __init__(self, loaded: Checkpoint, device: str = "cpu") -> None:
        self.header = header = loaded.read(AcousticHeader)
        self.device = torch.device(device)
        self.vocabulary, self.sounds = header.vocabulary, header.sounds
        network = checkpoint.network(loaded, header.model, header.features.n_mels, len(self.vocabulary))
        self.model: AcousticModel = network.to(self.device)
        with checkpoint.fitting(loaded.path):
            outputs = self.model.settings.sounds
            if outputs and len(self.sounds) + 1 != outputs:
                raise ValueError(f"{len(self.sounds)} names of phones for {outputs} outputs")
        self.features = LogMel(header.features).to(self.device)
        self.sample_rate = header.features.sample_rate
        self.frame_seconds = self.model.stride * header.features.hop_length / self.sample_rate

    def run(self, signals: Sequence[Signal]) -> Iterator[NDArray[Any]]:
        """The output for each of `signals` [time], run as one batch: [frames, V], or [frames, V + 1 + S]."""
        batch, lengths = array.pad(signals, padded(max(map(len, signals)), self.sample_rate))
        with torch.inference_mode():
            log_probs, frames = self(*self.features(batch.to(self.device), lengths.to(self.device)))
        for row, count in zip(log_probs.float().cpu().numpy(), frames.tolist(), strict=True):
            yield row[:count]

    @torch.inference_mode()
    def __call__(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run the model; inputs and outputs live on any device."""
        try:
            outputs: tuple[Tensor, Tensor] = self.model.both(
                features.to(self.device), lengths.to(self.device)
            )
            return outputs
        except torch.OutOfMemoryError as error:
            raise SpeechGruError(f"Out of memory on {self.device}; use a smaller --batch-size.") from error
