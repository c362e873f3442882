"""Lattice-free maximum mutual information: ln p(text | outputs) against all texts, for a batch, with its gradient.

    F = sum over utterances of ln(sum over the text's paths) - ln(sum over all paths)

Its gradient by an output is that output's share of the text's paths less its share of all paths (Povey et al. 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from speechgru.mmi import denominator, dense, numerator
from speechgru.mmi.graph import Graph
from speechgru.mmi.phone_ngram import PhoneGram
from speechgru.mmi.tying import Tying


class Language(NamedTuple):
    """What the criterion takes beside the texts."""

    gram: PhoneGram
    tying: Tying
    leak: float = denominator.LEAK


def objective(
    outputs: Tensor, lengths: Tensor, texts: Sequence[Graph], language: Language
) -> tuple[Tensor, int]:
    """F, a scalar that can be differentiated, and the frames that it is of.

    Utterances with too few frames for their text are left out.

    Args:
        outputs: unnormalised logarithms [B, T, outputs].
        lengths: valid frames of each row, [B].
        texts: graphs with the trigram's weights (`numerator.weighted`).
    """
    value, frames = _Objective.apply(outputs, lengths, texts, language)
    return value, int(frames)


class _Objective(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, outputs: Tensor, lengths: Tensor, texts: Sequence[Graph], language: Language
    ) -> tuple[Tensor, Tensor]:
        rows = outputs.detach().float().cpu().numpy()
        sizes = lengths.tolist()
        gradient = np.zeros_like(rows)
        totals = np.full(len(rows), -np.inf)
        for row, (size, text) in enumerate(zip(sizes, texts)):
            totals[row], gradient[row, :size] = numerator.occupation(
                np.ascontiguousarray(rows[row, :size]), text, language.tying
            )
        occupied = torch.from_numpy(gradient).to(outputs.device)
        every, shares = _denominators(outputs, lengths, language, rows, sizes)
        finite = np.isfinite(totals) & torch.isfinite(every).cpu().numpy()
        kept = torch.from_numpy(finite).to(outputs.device)
        ctx.save_for_backward(torch.where(kept[:, None, None], occupied - shares, 0.0))
        value = torch.from_numpy(totals[finite]).sum() - every.double().cpu()[torch.from_numpy(finite)].sum()
        frames = torch.tensor(sum(size for size, kept in zip(sizes, finite) if kept))
        ctx.mark_non_differentiable(frames)
        return value.float().to(outputs.device), frames

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None, None, None


def _denominators(
    outputs: Tensor, lengths: Tensor, language: Language, rows: np.ndarray, sizes: list[int]
) -> tuple[Tensor, Tensor]:
    """Logarithms [B] and occupations [B, T, outputs]: by the compiled loops on CPUs, in torch elsewhere."""
    if outputs.device.type != "cpu":
        return dense.occupation(outputs.detach(), lengths, *language)
    shares, totals = np.zeros_like(rows), np.empty(len(rows))
    for row, size in enumerate(sizes):
        totals[row], shares[row, :size] = denominator.occupation(
            np.ascontiguousarray(rows[row, :size]), *language
        )
    return torch.from_numpy(totals), torch.from_numpy(shares)
