"""Convolutional subsampling, a stack of bidirectional GRU layers, and a CTC head.

features [B, T, F] → encoder → linear → log-softmax [B, T', labels]
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor, nn

from speechgru import encoder

KIND = "acoustic"


@dataclass(frozen=True)
class Settings(encoder.Settings):
    """Sizes of the network."""


class Model(encoder.Encoder):
    """The acoustic model. `stride` is the number of feature frames per output frame."""

    def __init__(self, settings: Settings, n_features: int, n_labels: int) -> None:
        super().__init__(settings, n_features)
        self.head = nn.Linear(self.width, n_labels)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities [B, T', n_labels] in float32 and their lengths [B].

        Args:
            features: [B, T, n_features], zero past each row's length.
            lengths: valid frames of each row, [B], at least 1.
        """
        log_probs, lengths, _ = self.read(features, lengths)
        return log_probs, lengths

    def read(
        self, features: Tensor, lengths: Tensor, after: Collection[int] = ()
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """As `forward`, and what the head makes of the layers that `after` counts from 1."""
        x, lengths, between = self.encode(features, lengths, after)
        return self._label(x), lengths, [self._label(part) for part in between]

    def _label(self, x: Tensor) -> Tensor:
        return self.head(x).float().log_softmax(dim=-1)
