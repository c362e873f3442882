"""Convolutional subsampling, a stack of bidirectional GRU layers, and a CTC head.

    features [B, T, F] → conv 3x3, stride 2 (once per halving) → linear → GRU layers → linear → log-softmax

A recording's result is the same alone and in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from speechgru.dropout import LockedDropout
from speechgru.errors import ConfigError
from speechgru.gru import GRU
from speechgru.subsampling import Subsampling, ceil_divide

KIND = "acoustic"


@dataclass(frozen=True)
class Settings:
    """_Sizes of the network."""

    layers: int = 4
    """Bidirectional GRU layers."""
    width: int = 320
    """Units per direction."""
    dropout: float = 0.2
    """Before each GRU layer and before the head, with one mask for all frames of a recording."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/gru.py."""
    subsampling: Literal[2, 4, 8] = 4
    """Feature frames per output frame."""
    channels: int = 32
    """Of the convolutions."""

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.channels) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"The acoustic model wants layers, width, channels ≥ 1 and dropout in [0, 1); got {self}."
            )
        if self.subsampling not in (2, 4, 8):
            raise ConfigError(f"model.subsampling must be 2, 4 or 8; got {self.subsampling}.")


class Model(nn.Module):
    """The acoustic model. `stride` is the number of feature frames per output frame."""

    def __init__(self, settings: Settings, n_features: int, n_labels: int) -> None:
        super().__init__()
        self.settings = settings
        self.stride = settings.subsampling
        self.front = Subsampling(settings.subsampling, settings.channels, n_features, settings.width * 2)
        self.norms = nn.ModuleList(nn.LayerNorm(settings.width * 2) for _ in range(settings.layers + 1))
        self.layers = nn.ModuleList(
            GRU(settings.width * 2, settings.width, reset=settings.reset) for _ in range(settings.layers)
        )
        self.dropout = LockedDropout(settings.dropout)
        self.head = nn.Linear(settings.width * 2, n_labels)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities [B, T', n_labels] in float32 and their lengths [B].

        Args:
            features: [B, T, n_features], zero past each row's length.
            lengths: valid frames of each row, [B], at least 1.
        """
        x, lengths = self.front(features, lengths)
        for norm, layer in zip(self.norms, self.layers):
            x = layer(self.dropout(norm(x)), lengths)[0]
        logits = self.head(self.dropout(self.norms[-1](x)))
        return logits.float().log_softmax(dim=-1), lengths

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Output frames for given feature frames."""
        return ceil_divide(lengths, self.stride)
