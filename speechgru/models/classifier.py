"""Which of a few things a whole recording is: subsampling, bidirectional GRU layers, one pooled vector, a softmax.

features [B, T, F] → encoder → pool over time → linear → log-softmax [B, classes]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from speechgru.errors import ConfigError
from speechgru.models import encoder

KIND = "classifier"


@dataclass(frozen=True)
class Settings(encoder.Settings):
    """Sizes of the network: smaller than for transcribing."""

    layers: int = 2
    width: int = 96
    channels: int = 16
    pooling: Literal["attention", "mean"] = "attention"
    """How frames become one vector: weighted by what the network finds in them (Bahdanau et al. 2015,
    arXiv:1409.0473, without a query), or all alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling not in ("attention", "mean"):
            raise ConfigError(f"model.pooling is attention or mean; got {self.pooling!r}.")


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
