"""The network of phones in context: log-mel to the tied states' outputs at a third of the frames.

    features [B, T, F] → conv 5x3, stride 3 in time → conv 3x3 → linear → GRU layers with residuals → outputs [B, T', O]

One head gives the outputs that the lattice-free criterion trains, pseudo log-likelihoods; another, in training, log-
posteriors by cross-entropy (Povey et al. 2016, section 2.7.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speechgru.models import GRU
from speechgru.models.dropout import LockedDropout
from speechgru.models.subsampling import ceil_divide

STRIDE = 3


@dataclass(frozen=True)
class Settings:
    """Sizes of the network."""

    layers: int = 3
    """Bidirectional GRU layers."""
    width: int = 256
    """Units per direction."""
    channels: int = 32
    """Of the convolutions."""
    dropout: float = 0.2
    """Before each GRU layer and before the heads, one mask a recording."""
    fitted: int = 0
    """Features beside the log-mel ones that convolutions are no good for: those fitted to a speaker."""


class Network(nn.Module):
    """See the module.

    Args:
        bands: log-mel features a frame.
        outputs: tied states' outputs.
    """

    def __init__(self, settings: Settings, bands: int, outputs: int) -> None:
        super().__init__()
        self.settings, self.bands = settings, bands
        width, channels = 2 * settings.width, settings.channels
        if bands:
            self.first = nn.Conv2d(1, channels, (5, 3), stride=(STRIDE, 2), padding=(1, 1))
            self.second = nn.Conv2d(channels, channels, 3, stride=(1, 2), padding=1)
            self.project = nn.Linear(channels * ceil_divide(bands, 4), width)
        if settings.fitted:
            self.fitted = nn.Conv1d(settings.fitted, width, 5, stride=STRIDE, padding=1)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(settings.layers + 1))
        self.layers = nn.ModuleList(GRU(width, settings.width) for _ in range(settings.layers))
        self.dropout = LockedDropout(settings.dropout)
        self.likelihoods = nn.Linear(width, outputs)
        self.posteriors = nn.Linear(width, outputs)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs of both heads [B, T', outputs], the likelihoods' first, and their lengths [B].

        Args:
            features: [B, T, bands + fitted], zero past each row's length.
            lengths: valid frames of each row, [B], at least 1.
        """
        x, lengths = self.encode(features, lengths)
        return self.likelihoods(x), self.posteriors(x), lengths

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What the heads read, [B, T', 2 width], and its lengths [B]."""
        lengths = ceil_divide(lengths, STRIDE)
        x = self._front(features, lengths)
        for norm, layer in zip(self.norms, self.layers):
            x = x + layer(self.dropout(norm(x)), lengths)[0]
        return self.dropout(self.norms[-1](x)), lengths

    def _front(self, features: Tensor, lengths: Tensor) -> Tensor:
        features = nn.functional.pad(features, (0, 0, 0, -features.shape[1] % STRIDE + 1))
        frames = int(lengths.max())
        x: Tensor | float = 0.0
        if self.bands:
            maps = self.first(features[:, :, : self.bands].unsqueeze(1))[:, :, :frames].relu()
            inside = torch.arange(frames, device=features.device) < lengths.unsqueeze(1)
            maps = self.second(maps * inside[:, None, :, None].to(maps.dtype)).relu()
            x = self.project(maps.transpose(1, 2).flatten(2))
        if self.settings.fitted:
            x = x + self.fitted(features[:, :, self.bands :].transpose(1, 2))[:, :, :frames].transpose(1, 2)
        assert isinstance(x, Tensor)
        return x
