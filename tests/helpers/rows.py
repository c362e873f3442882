"""Signals of several lengths in one batch, against each alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def check_rows(module: nn.Module, signals: Sequence[Tensor], close: Callable[[Tensor, Tensor], None]) -> None:
    """Each row gets what it gets alone, and zeros behind it; NaN past a row's end must not reach it.

    The longest of `signals` comes first.
    """
    batch = torch.full((len(signals), len(signals[0])), torch.nan)
    for row, signal in zip(batch, signals):
        row[: len(signal)] = signal
    together, frames = module(batch, torch.tensor([len(signal) for signal in signals]))
    for row, count, signal in zip(together, frames.tolist(), signals):
        alone = module(signal)[0][0]
        assert count == len(alone) and not row[count:].any()
        close(row[:count], alone)
