"""Convolutional subsampling, a stack of bidirectional GRU layers, and a CTC head.

features [B, T, F] → encoder → linear → log-softmax [B, T', labels]

A second head of the same kind may learn the phones of words beside their characters.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from speechgru.models import encoder
from speechgru.models.settings import AcousticSettings

Settings = AcousticSettings
KIND = "acoustic"


class Model(encoder.Encoder):
    """The acoustic model. `stride` is the number of feature frames per output frame."""

    def __init__(self, settings: Settings, n_features: int, n_labels: int) -> None:
        super().__init__(settings, n_features)
        self.head = nn.Linear(self.width, n_labels)
        self.sounds = nn.Linear(self.width, settings.sounds) if settings.sounds else None

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities [B, T', n_labels] in float32 and their lengths [B].

        Args:
            features: [B, T, n_features], zero past each row's length.
            lengths: valid frames of each row, [B], at least 1.
        """
        x, lengths, _ = self.encode(features, lengths)
        return _probed(self.head, x), lengths

    def both(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, the second head's log-probabilities beside the first's: [B, T', n_labels + phones]."""
        x, lengths, _ = self.encode(features, lengths)
        heads = [self.head] if self.sounds is None else [self.head, self.sounds]
        return torch.cat([_probed(head, x) for head in heads], dim=2), lengths

    def read(
        self, features: Tensor, lengths: Tensor, after: Collection[int] = ()
    ) -> tuple[Tensor, Tensor, list[Tensor], Tensor | None]:
        """As `forward`, what the head makes of the layers that `after` counts from 1, and the second head's output."""
        x, lengths, between = self.encode(features, lengths, after)
        sounds = None if self.sounds is None else _probed(self.sounds, x)
        return _probed(self.head, x), lengths, [_probed(self.head, part) for part in between], sounds


def _probed(head: nn.Linear, x: Tensor) -> Tensor:
    log_probs: Tensor = head(x).float().log_softmax(dim=-1)
    return log_probs
