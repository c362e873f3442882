"""What a model that transcribes minimises: CTC, and what can be added to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from speechgru.models import encoder
from speechgru.tasks.ctc_settings import CtcConfig


def ctc(log_probs: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
    """CTC's negative log-likelihood (Graves et al. 2006), summed over a batch. Arguments as for `objective`."""
    return torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1),
        labels,
        lengths,
        label_lengths,
        reduction="sum",
        zero_infinity=True,  # speed perturbation can make a recording shorter than its labels need
    )


def objective(
    log_probs: Tensor,
    lengths: Tensor,
    labels: Tensor,
    label_lengths: Tensor,
    settings: CtcConfig,
    between: Sequence[Tensor] = (),
) -> Tensor:
    """The sum over a batch, a scalar:

        (1 - s) * CTC + s * KL, CTC being (1 - w) * CTC(output) + w * mean of CTC(layer) where layers are given

    with s = `smoothing` and w = `intermediate` of `settings` (Lee and Watanabe 2021, arXiv:2102.03216).

    Args:
        log_probs: [B, T, symbols], the blank first.
        lengths: valid frames of each row, [B].
        labels: of all rows, joined, [sum of label_lengths].
        label_lengths: [B].
        between: the head's outputs of lower layers, each like `log_probs`.
    """
    total = ctc(log_probs, lengths, labels, label_lengths)
    if between:
        share = settings.intermediate
        lower = torch.stack([ctc(output, lengths, labels, label_lengths) for output in between]).mean()
        total = (1 - share) * total + share * lower
    if settings.smoothing:
        total = (1 - settings.smoothing) * total + settings.smoothing * divergence(log_probs, lengths)
    return total


def divergence(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """Kullback-Leibler divergence of every valid frame from the uniform distribution, summed: log V - entropy.

    Label smoothing for CTC, and but for a constant the penalty on confident outputs: it is least where a model is
    unsure (Kim et al. 2018, arXiv:1711.01567; Pereyra et al. 2017, arXiv:1701.06548).

    Args: log_probs [B, T, V]; lengths [B].
    """
    uniform = -torch.log(torch.tensor(float(log_probs.shape[2])))
    frames = (log_probs.exp() * (log_probs - uniform.to(log_probs.device))).sum(dim=2)
    return (frames * encoder.inside(lengths, frames.shape[1])).sum()


def disagreement(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """Divergence between the outputs of two views of the same recordings: a scalar, 0 where they are equal.

        1/2 sum over valid frames of KL(b || a) + KL(a || b), in each term the first held fixed

    Consistency-regularised CTC (Yao et al. 2025, arXiv:2410.05101, equation 3): each view learns the
    other's outputs for the parts that are masked in itself.

    Args:
        log_probs: [2 B, T, V], the second views below the first ones.
        lengths: of one view, [B].
    """
    first, second = log_probs.chunk(2)
    apart = sum(
        (fixed.detach().exp() * (fixed.detach() - other)).sum(dim=2)
        for fixed, other in ((second, first), (first, second))
    )
    return 0.5 * (apart * encoder.inside(lengths, log_probs.shape[1])).sum()
