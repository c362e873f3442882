"""Which of a few things a whole recording is: subsampling, bidirectional GRU layers, one pooled vector, a softmax.

features [B, T, F] → encoder → pool over time → linear → log-softmax [B, classes]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgru.models import encoder
from speechgru.models.settings import ClassifierSettings

Settings = ClassifierSettings
KIND = "classifier"


class Model(encoder.Encoder):
    """The classifier, of `n_labels` classes."""

    def __init__(self, settings: Settings, n_features: int, n_labels: int) -> None:
        super().__init__(settings, n_features)
        self.attention = nn.Linear(self.width, 1, bias=False) if settings.pooling == "attention" else None
        self.head = nn.Linear(self.width, n_labels)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Log-probabilities of the classes [B, n_labels] in float32.

        Args:
            features: [B, T, n_features], zero past each row's length.
            lengths: valid frames of each row, [B], at least 1.
        """
        x, lengths, _ = self.encode(features, lengths)
        log_probs: Tensor = self.head(self._pool(x, lengths)).float().log_softmax(dim=-1)
        return log_probs

    def _pool(self, x: Tensor, lengths: Tensor) -> Tensor:
        """One vector a recording, [B, width], of x [B, T', width]."""
        scores = x.new_zeros(x.shape[:2]) if self.attention is None else self.attention(x).squeeze(2)
        outside = ~encoder.inside(lengths, x.shape[1])
        weights = scores.float().masked_fill(outside, -torch.inf).softmax(dim=1)
        return torch.einsum("bt,btf->bf", weights.to(x.dtype), x)
