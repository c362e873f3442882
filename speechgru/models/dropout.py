"""Dropout for recurrent networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Dropout whose mask is the same in all steps of a sequence (Gal and Ghahramani 2016, arXiv:1512.05287).

    Made for recurrent networks, and far cheaper to draw than one mask a step.
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


class FrameDropout(nn.Dropout):
    """Dropout with a mask of its own for every step (Zaremba et al. 2014, arXiv:1409.2329)."""
