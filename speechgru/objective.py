"""What a model that transcribes minimises: CTC, and what can be added to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from speechgru import encoder
from speechgru.recipe import CtcConfig


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
        between: what the head makes of lower layers, each like `log_probs`.
    """

    def ctc(output: Tensor) -> Tensor:
        return torch.nn.functional.ctc_loss(
            output.transpose(0, 1),
            labels,
            lengths,
            label_lengths,
            reduction="sum",
            zero_infinity=True,  # speed perturbation can make a recording shorter than its labels need
        )

    total = ctc(log_probs)
    if between:
        share = settings.intermediate
        lower = torch.stack([ctc(output) for output in between]).mean()
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
