"""Optimiser, learning rate, precision and running average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from speechgru.recipe import OptimizerConfig, ScheduleConfig


def optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Adam or AdamW; weight decay acts on matrices only, not on biases and norms."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.lr, betas=(config.betas[0], config.betas[1]), eps=config.eps, fused=True)


def factor(step: int, total: int, config: ScheduleConfig) -> float:
    """The learning rate at a step in [0, total), as a share of the highest: a linear rise, then the schedule."""
    warm = int(config.warmup * total)
    if step < warm:
        return (step + 1) / (warm + 1)
    done = min(1.0, (step - warm) / max(1, total - 1 - warm))
    if config.name == "constant":
        return 1.0
    fall = (1 + math.cos(math.pi * done)) / 2 if config.name == "cosine" else 1 - done
    return config.final + (1 - config.final) * fall


def precision(name: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16; auto: bfloat16 where the hardware multiplies it faster."""
    if name != "auto":
        return torch.float32 if name == "float32" else torch.bfloat16
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if fast else torch.float32


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
