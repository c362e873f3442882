"""The front of the networks for audio: convolutions that halve time and frequency."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

_Size = TypeVar("_Size", int, Tensor)


class Subsampling(nn.Module):
    """Halve time and frequency with 3x3 convolutions, then project to `width`.

    Padding is zeroed after every convolution, which sees zeros beyond the ends anyway, so a recording's result is the
    same alone and in a batch.

    Args:
        factor: feature frames per output frame, a power of two.
        channels: of the convolutions.
    """

    def __init__(self, factor: int, channels: int, n_features: int, width: int) -> None:
        super().__init__()
        halvings = factor.bit_length() - 1
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels if i else 1, channels, 3, stride=2, padding=1) for i in range(halvings)
        )
        self.project = nn.Linear(channels * ceil_divide(n_features, factor), width)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, T, n_features], zero past each of `lengths` [B], to [B, T', width] and its lengths."""
        x = features.unsqueeze(1)
        for convolution in self.convolutions:
            lengths = ceil_divide(lengths, 2)
            # channels_last is the faster layout of convolutions on CPUs.
            x = convolution(x.contiguous(memory_format=torch.channels_last)).relu()
            inside = torch.arange(x.shape[2], device=x.device) < lengths.unsqueeze(1)
            x = x * inside.view(len(x), 1, -1, 1).to(x.dtype)
        return self.project(x.transpose(1, 2).flatten(2)), lengths


def ceil_divide(size: _Size, factor: int) -> _Size:
    """What is left of `size` frames or bands; halving and rounding up again and again comes to the same."""
    return (size + factor - 1) // factor
