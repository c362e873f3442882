"""The denominator in plain torch, for GPUs: a whole batch at once, frame by frame.

What `denominator` computes in loops. The trigram's transitions out of all states with the same phone are one matrix, so
that a frame is one batched product [phones, B, phones] x [phones, phones, phones].
"""

from __future__ import annotations

import torch
from torch import Tensor

from speechgru.mmi.denominator import LEAK
from speechgru.mmi.phone_ngram import PhoneGram
from speechgru.mmi.tying import Tying


def occupation(
    outputs: Tensor, lengths: Tensor, gram: PhoneGram, tying: Tying, leak: float = LEAK
) -> tuple[Tensor, Tensor]:
    """Natural logs of the sums over all paths [B], and their gradient [B, T, outputs].

    Args:
        outputs: unnormalised logarithms [B, T, outputs].
        lengths: valid frames of each row, [B], at least 1.
    """
    device = outputs.device
    arcs, start, share = (torch.from_numpy(table).to(device) for table in gram)
    enter, stay = (torch.from_numpy(table).to(device).long() for table in tying)
    arcs, batch, frames = 0.5 * arcs, len(outputs), outputs.shape[1]
    top = outputs.float().amax(dim=2, keepdim=True)
    loud = (outputs.float() - top).exp()
    valid = torch.arange(frames, device=device) < lengths.to(device).unsqueeze(1)  # [B, T]
    alphas, entries, scales = [], [], []
    alpha = loud.new_zeros(batch, *start.shape)
    for t in range(frames):
        onset, hold = loud[:, t, enter], loud[:, t, stay]  # [B, l, p]
        entry = (_entered(alpha, arcs) + leak * share if t else start) * onset
        now = entry + 0.5 * alpha * hold
        scale = now.sum(dim=(1, 2), keepdim=True).clamp(min=1e-37).reciprocal()
        scale = torch.where(valid[:, t, None, None], scale, 1.0)
        entry = entry * scale
        alpha = torch.where(valid[:, t, None, None], now * scale, alpha)
        alphas.append(alpha)
        entries.append(entry)
        scales.append(scale)
    gradient = _backward(loud, valid, arcs, share, leak, enter, stay, alphas, entries, scales)
    logs = top[:, :, 0] - torch.stack(scales, dim=1)[:, :, 0, 0].log()
    return torch.where(valid, logs, 0.0).sum(dim=1), gradient


def _entered(alpha: Tensor, arcs: Tensor) -> Tensor:
    """Probabilities [B, l, p] of entering each state from those of the frame before."""
    entry = torch.bmm(alpha.permute(2, 0, 1), arcs).permute(1, 0, 2)  # [p, B, l] x [p, l, q] → [B, p, q]
    silent = entry[:, :, 0].sum(dim=1)
    entry = entry.clone()
    entry[:, :, 0] = 0
    entry[:, 0, 0] = silent
    return entry


def _backward(
    loud: Tensor,
    valid: Tensor,
    arcs: Tensor,
    share: Tensor,
    leak: float,
    enter: Tensor,
    stay: Tensor,
    alphas: list[Tensor],
    entries: list[Tensor],
    scales: list[Tensor],
) -> Tensor:
    gradient = torch.zeros_like(loud)
    beta = torch.ones_like(alphas[0])
    size = len(loud)
    places = [table.flatten().expand(size, -1) for table in (enter, stay)]
    for t in range(len(alphas) - 1, -1, -1):
        here = valid[:, t, None, None]
        both = alphas[t] * beta
        both = both / both.sum(dim=(1, 2), keepdim=True)
        come = both * (entries[t] / alphas[t].clamp(min=1e-37)).clamp(max=1)
        for place, part in zip(places, (come, both - come)):
            gradient[:, t].scatter_add_(1, place, torch.where(here, part, 0.0).flatten(1))
        if t == 0:
            break
        onset = loud[:, t, enter] * beta
        leaked = (share * onset).sum(dim=(1, 2), keepdim=True)
        onset = torch.cat([onset[:, :1, :1].expand(-1, onset.shape[1], 1), onset[:, :, 1:]], dim=2)
        on = torch.bmm(onset.permute(1, 0, 2), arcs.transpose(1, 2)).permute(1, 2, 0)  # [p, B, l] → [B, l, p]
        before = (on + leak * leaked + 0.5 * loud[:, t, stay] * beta) * scales[t]
        beta = torch.where(here, before, beta)
    return gradient
