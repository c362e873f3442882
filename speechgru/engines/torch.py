"""Run an acoustic checkpoint with PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor

from speechgru import checkpoint as checkpoints
from speechgru import readout
from speechgru.checkpoint import Checkpoint
from speechgru.errors import CheckpointError, ConfigError, SpeechGruError
from speechgru.features.spectral import LogMel, Settings
from speechgru.text import Vocabulary


class Engine:
    """features [B, T, F], lengths [B] → log-probabilities [B, T', V], lengths [B].

    Of a network that hears sounds too, [B, T', V + 1 + S]: those of the sounds, a blank before them, are their own
    distribution.

    Attributes:
        features: the feature module the model was trained with.
        vocabulary: the symbols of V.
        sounds: the names of S.
        sample_rate: in Hz.
        frame_seconds: seconds per output frame.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        checkpoint.require("acoustic")
        self.device = torch.device(device)
        try:
            self._build(checkpoint)
        except (ConfigError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(f"{checkpoint.path} has a header that fits no model: {error}") from error
        checkpoints.fill(self.model, checkpoint)
        self.model.to(self.device).eval()
        self.features.to(self.device)

    def _build(self, checkpoint: Checkpoint) -> None:
        settings = Settings.stored(checkpoint.get("features"))
        self.features = LogMel(settings)
        self.vocabulary = Vocabulary(tuple(checkpoint.get("vocabulary")))
        self.sounds = readout.sounds(checkpoint)
        self.model = checkpoints.network(checkpoint, settings.n_mels, len(self.vocabulary))
        heard = self.model.settings.sounds
        if heard and len(self.sounds) + 1 != heard:
            raise ValueError(f"{len(self.sounds)} names of sounds for {heard} outputs")
        self.sample_rate = settings.sample_rate
        self.frame_seconds = self.model.stride * settings.hop_length / settings.sample_rate

    @torch.inference_mode()
    def __call__(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run the model; inputs and outputs live on any device."""
        try:
            return self.model.both(features.to(self.device), lengths.to(self.device))
        except torch.OutOfMemoryError as error:
            raise SpeechGruError(f"Out of memory on {self.device}; use a smaller --batch-size.") from error
