"""Optimiser, learning rate, precision and running average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from speechgru.config.trainer import OptimizerConfig, ScheduleConfig


def optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), RMSprop (Tieleman and Hinton 2012) or SGD with
    Nesterov momentum. Weight decay acts on matrices only, not on biases and norms."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    lr, eps, (first, second) = config.lr, config.eps, config.betas
    if config.name == "sgd":
        nesterov = config.momentum > 0
        return torch.optim.SGD(groups, lr=lr, momentum=config.momentum, nesterov=nesterov, fused=True)
    if config.name == "rmsprop":
        return torch.optim.RMSprop(
            groups, lr=lr, alpha=second, eps=eps, momentum=config.momentum, foreach=True
        )
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=lr, betas=(first, second), eps=eps, fused=True)


def factor(step: int, total: int, config: ScheduleConfig, scores: Sequence[float] = ()) -> float:
    """The learning rate at a step in [0, total), as a share of the highest: a linear rise, then the schedule.

    cosine: Loshchilov and Hutter 2017. noam: falls as 1 / sqrt(step), Vaswani et al. 2017, eq. 3, scaled so that its
    peak is 1. onecycle: Smith 2018, rise and fall both as a cosine, from 1/25. plateau: multiplied with `decay`
    whenever `patience` of the dev `scores` so far (lower is better) brought nothing better than the best before.
    """
    warm = int(config.warmup * total)
    if step < warm:
        rise = (step + 1) / (warm + 1)
        return 0.04 + 0.96 * (1 - math.cos(math.pi * rise)) / 2 if config.name == "onecycle" else rise
    if config.name == "constant":
        return 1.0
    if config.name == "noam":
        return math.sqrt((warm + 1) / (step + 1))
    if config.name == "plateau":
        return max(config.final, config.decay ** _plateaus(scores, config.patience))
    done = min(1.0, (step - warm) / max(1, total - 1 - warm))
    fall = 1 - done if config.name == "linear" else (1 + math.cos(math.pi * done)) / 2
    return config.final + (1 - config.final) * fall


def _plateaus(scores: Sequence[float], patience: int) -> int:
    """How often `patience` scores in a row were not below the best before them."""
    best, waited, plateaus = math.inf, 0, 0
    for score in scores:
        best, waited = (score, 0) if score < best else (best, waited + 1)
        if waited == patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus


def precision(name: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16; auto: bfloat16 where the hardware multiplies it faster."""
    if name != "auto":
        return torch.float32 if name == "float32" else torch.bfloat16
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if fast else torch.float32


def autocast(name: str, device: torch.device) -> Any:
    """A context in which matrix products run in the named precision on `device`."""
    chosen = precision(name, device)
    return nullcontext() if chosen == torch.float32 else torch.autocast(device.type, chosen)


class Average:
    """Exponential running average of weights (Polyak and Juditsky 1992).

    The decay grows with the number of updates as (1 + n) / (10 + n), so that the start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, parameters: Iterable[tuple[str, Tensor]]) -> None:
        """Take in the weights after a step."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        pairs = [(self.weights[name], p) for name, p in parameters]
        torch._foreach_lerp_([w for w, _ in pairs], [p.detach() for _, p in pairs], 1 - decay)
