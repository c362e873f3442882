"""Convolutional subsampling, a stack of bidirectional GRU layers, and a CTC head.

    features [B, T, F] → conv 3x3, stride 2 (once per halving) → linear → GRU layers → linear → log-softmax

Padding is zeroed after every convolution, which sees zeros beyond the ends anyway, so a recording's result is the
same alone and in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from speechgru.errors import ConfigError
from speechgru.gru import GRU

_Size = TypeVar("_Size", int, Tensor)


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
        self.front = _Subsampling(settings.subsampling, settings.channels, n_features, settings.width * 2)
        self.norms = nn.ModuleList(nn.LayerNorm(settings.width * 2) for _ in range(settings.layers + 1))
        self.layers = nn.ModuleList(
            GRU(settings.width * 2, settings.width, reset=settings.reset) for _ in range(settings.layers)
        )
        self.dropout = _LockedDropout(settings.dropout)
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
        return _ceil_divide(lengths, self.stride)


class _LockedDropout(nn.Module):
    """Dropout whose mask is the same in all frames of a recording (Gal and Ghahramani 2016, arXiv:1512.05287).

    Made for recurrent networks, and far cheaper to draw than one mask a frame.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, F], scaled so that its expectation stays."""
        if not self.training or self.probability == 0:
            return x
        keep = 1 - self.probability
        return x * torch.empty_like(x[:, :1]).bernoulli_(keep).div_(keep)


class _Subsampling(nn.Module):
    """Halve time and frequency with 3x3 convolutions, then project to `width`."""

    def __init__(self, factor: int, channels: int, n_features: int, width: int) -> None:
        super().__init__()
        halvings = factor.bit_length() - 1
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels if i else 1, channels, 3, stride=2, padding=1) for i in range(halvings)
        )
        self.project = nn.Linear(channels * _ceil_divide(n_features, factor), width)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = features.unsqueeze(1)
        for convolution in self.convolutions:
            lengths = _ceil_divide(lengths, 2)
            # channels_last is the faster layout of convolutions on CPUs.
            x = convolution(x.contiguous(memory_format=torch.channels_last)).relu()
            inside = torch.arange(x.shape[2], device=x.device) < lengths.unsqueeze(1)
            x = x * inside.view(len(x), 1, -1, 1).to(x.dtype)
        return self.project(x.transpose(1, 2).flatten(2)), lengths


def _ceil_divide(size: _Size, factor: int) -> _Size:
    """What is left of `size` frames or bands; halving and rounding up again and again comes to the same."""
    return (size + factor - 1) // factor
