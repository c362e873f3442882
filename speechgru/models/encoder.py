"""What the acoustic model and the classifier share: subsampling and a stack of bidirectional GRU layers.

    features [B, T, F] → conv 3x3, stride 2 (once per halving) → linear → GRU layers → frames [B, T', 2 width]

Before each layer lies a layer norm, and one more behind the last. A recording's result is the same alone and in a
batch.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from speechgru.models.dropout import FrameDropout, LockedDropout
from speechgru.models.gru import GRU
from speechgru.models.settings import EncoderSettings
from speechgru.models.subsampling import Subsampling

Settings = EncoderSettings
DROPOUTS = {"locked": LockedDropout, "frame": FrameDropout}


class Encoder(nn.Module):
    """Features to frames that know what lies before and behind them. `stride` is the number of features a frame."""

    def __init__(self, settings: Settings, n_features: int) -> None:
        super().__init__()
        self.settings = settings
        self.stride = settings.subsampling
        self.width = settings.width * 2
        self.front = Subsampling(settings.subsampling, settings.channels, n_features, self.width)
        self.norms = nn.ModuleList(nn.LayerNorm(self.width) for _ in range(settings.layers + 1))
        self.layers = nn.ModuleList(
            GRU(self.width, settings.width, reset=settings.reset, weight_dropout=settings.weight_dropout)
            for _ in range(settings.layers)
        )
        self.dropout = DROPOUTS[settings.dropout_kind](settings.dropout)

    def encode(
        self, features: Tensor, lengths: Tensor, after: Collection[int] = ()
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Frames [B, T', width], their lengths [B], and the same behind each layer that `after` counts from 1.

        Args:
            features: [B, T, n_features], zero past each row's length.
            lengths: valid frames of each row, [B], at least 1.
        """
        x, lengths = self.front(features, lengths)
        between = []
        for number, (norm, layer) in enumerate(zip(self.norms, self.layers), start=1):
            out = layer(self.dropout(norm(x)), lengths)[0]
            x = x + out if self.settings.residual else out
            if number in after:
                between.append(self._finish(x))
        return self._finish(x), lengths, between

    def _finish(self, x: Tensor) -> Tensor:
        finished: Tensor = self.dropout(self.norms[-1](x))
        return finished


def inside(lengths: Tensor, frames: int) -> Tensor:
    """Which of `frames` lie within each of `lengths` [B]: [B, frames]."""
    return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)
