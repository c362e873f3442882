"""Exact log-likelihood of binary keys, and the conventions by which the field sums it up.

A roll's likelihood is a product over its steps, and a step's a product over its keys, each given the steps before (and,
in an autoregressive model, the keys below). All figures are in nats per step, negative, summed over the 88 keys:

- `rest`: steps 2..T, pooled over the pieces; the first step is given. This is how Bai, Kolter and Koltun 2018
  (arXiv:1803.01271) score, and what is meant here where no other is named.
- `all`: steps 1..T, pooled, the first predicted from silence; as Boulanger-Lewandowski et al. 2012 (arXiv:1206.6392).
- `mean`: steps 1..T averaged in each piece, then over the pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CONVENTIONS = {
    "rest": "steps 2 to T, pooled",
    "all": "steps 1 to T, pooled",
    "mean": "mean of the pieces, steps 1 to T",
}


def log_probs_of_keys(logits: Tensor, keys: Tensor) -> Tensor:
    """Log-probability that a key is as it is: log sigma(logit) where it sounds, log(1 - sigma(logit)) where not.

    Args:
        logits: of sounding, any shape.
        keys: 0 or 1, the same shape.
    """
    return -torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), keys, reduction="none")


@dataclass(frozen=True)
class PieceScore:
    """Nats of a piece: `first` for its first step, `rest` for all others; it has `steps` in all."""

    id: str
    first: float
    rest: float
    steps: int


def table(scores: Sequence[PieceScore]) -> NDArray[np.float64]:
    """[pieces, 6]: two columns for each of CONVENTIONS, what is summed and what it is divided by."""
    rows = [(s.rest, s.steps - 1, s.first + s.rest, s.steps, (s.first + s.rest) / s.steps, 1) for s in scores]
    return np.array(rows, dtype=np.float64).reshape(-1, 2 * len(CONVENTIONS))


def rates(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Nats per step by convention from sums [..., 6] of rows of `table`; NaN where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: sums[..., 2 * i] / sums[..., 2 * i + 1] for i, name in enumerate(CONVENTIONS)}
