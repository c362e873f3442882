"""Which of a few things a whole recording is: subsampling, bidirectional GRU layers, one pooled vector, a softmax.

    features [B, T, F] → conv 3x3, stride 2 (once per halving) → linear → GRU layers → pool over time → linear

A recording's result is the same alone and in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from speechgru.dropout import LockedDropout
from speechgru.errors import ConfigError
from speechgru.gru import GRU
from speechgru.subsampling import Subsampling

KIND = "classifier"


@dataclass(frozen=True)
class Settings:
    """Sizes of the network."""

    layers: int = 2
    """Bidirectional GRU layers."""
    width: int = 96
    """Units per direction."""
    dropout: float = 0.2
    """Before each GRU layer and before the head, with one mask for all frames of a recording."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/gru.py."""
    subsampling: Literal[2, 4, 8] = 4
    """Feature frames per GRU step."""
    channels: int = 16
    """Of the convolutions."""
    pooling: Literal["attention", "mean"] = "attention"
    """How frames become one vector: weighted by what the network finds in them (Bahdanau et al. 2015,
    arXiv:1409.0473, without a query), or all alike."""

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.channels) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"The classifier wants layers, width, channels ≥ 1 and dropout in [0, 1); got {self}."
            )
        if self.subsampling not in (2, 4, 8) or self.pooling not in ("attention", "mean"):
            raise ConfigError(f"model.subsampling is 2, 4 or 8, model.pooling attention or mean; got {self}.")


class Model(nn.Module):
    """The classifier, of `n_labels` classes."""

    def __init__(self, settings: Settings, n_features: int, n_labels: int) -> None:
        super().__init__()
        self.settings = settings
        width = settings.width * 2
        self.front = Subsampling(settings.subsampling, settings.channels, n_features, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(settings.layers + 1))
        self.layers = nn.ModuleList(
            GRU(width, settings.width, reset=settings.reset) for _ in range(settings.layers)
        )
        self.dropout = LockedDropout(settings.dropout)
        self.attention = nn.Linear(width, 1, bias=False) if settings.pooling == "attention" else None
        self.head = nn.Linear(width, n_labels)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Log-probabilities of the classes [B, n_labels] in float32.

        Args:
            features: [B, T, n_features], zero past each row's length.
            lengths: valid frames of each row, [B], at least 1.
        """
        x, lengths = self.front(features, lengths)
        for norm, layer in zip(self.norms, self.layers):
            x = layer(self.dropout(norm(x)), lengths)[0]
        x = self.dropout(self.norms[-1](x))
        return self.head(self._pool(x, lengths)).float().log_softmax(dim=-1)

    def _pool(self, x: Tensor, lengths: Tensor) -> Tensor:
        """One vector a recording, [B, width], of x [B, T', width]."""
        inside = torch.arange(x.shape[1], device=x.device) < lengths.unsqueeze(1)
        scores = x.new_zeros(x.shape[:2]) if self.attention is None else self.attention(x).squeeze(2)
        weights = scores.float().masked_fill(~inside, -torch.inf).softmax(dim=1)
        return torch.einsum("bt,btf->bf", weights.to(x.dtype), x)
