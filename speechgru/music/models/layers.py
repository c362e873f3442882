"""What the networks of speechgru/music/models have in common: GRU layers along time, and a state that carries on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from speechgru.models import GRU
from speechgru.models.dropout import LockedDropout


class Recurrent(nn.Module, ABC):
    """A network that predicts each step of a piece from those before it.

    Its settings have `layers`, `width`, `dropout` and `reset`. `inputs` are those of a step; each layer is normed
    after it, and dropout with one mask for all steps of a piece comes before each layer and after the last.
    """

    layers: nn.ModuleList
    norms: nn.ModuleList
    dropout: LockedDropout

    def __init__(self, settings: Any) -> None:
        super().__init__()
        self.settings = settings

    def add_layers(self, inputs: int, batch_first: bool = True) -> None:
        """Make the layers, the first for so many numbers a step."""
        width, reset = self.settings.width, self.settings.reset
        self.layers = nn.ModuleList(
            GRU(width if i else inputs, width, bidirectional=False, reset=reset, batch_first=batch_first)
            for i in range(self.settings.layers)
        )
        self.dropout = LockedDropout(self.settings.dropout)

    def add_norms(self) -> None:
        """Make the norm of each layer."""
        self.norms = nn.ModuleList(nn.LayerNorm(self.settings.width) for _ in self.layers)

    @abstractmethod
    def inputs(self, view: Any) -> Tensor:
        """Inputs of each step, [B, T, ...], from what came before it."""

    @abstractmethod
    def log_probs(self, features: Tensor, view: Any, targets: Tensor) -> Tensor:
        """Log-probability [B, T, ...] of the steps as they are in `targets`; what belongs to a step adds up."""

    def forward(
        self, view: Any, targets: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Log-probability [B, T, ...] of each step's being as in `targets`, and the state after the last step."""
        features, state = self.encode(view, state, lengths)
        return self.log_probs(features, view, targets), state

    def encode(
        self, view: Any, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Features of what came before each step.

        Args:
            view: of B pieces, T steps.
            state: after what came before, [layers, B, ...]; None: nothing did.
            lengths: steps of each piece, [B], in 1..T: the states are those at its own end; None: all T.

        Returns:
            features [B, T, ...] and states [layers, B, ...].
        """
        x, states = self.inputs(view), []
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            x, after = advance(layer, self.dropout(x), lengths, None if state is None else state[i : i + 1])
            states.append(after)
            x = norm(x)
        return self.dropout(x), torch.cat(states)


def advance(layer: Any, x: Tensor, lengths: Tensor | None, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """What a GRU makes of x. A step that goes on from a state goes without what readies the weights
    for many steps: of one, that takes most of the time."""
    time = 1 if layer.batch_first else 0
    if x.shape[time] != 1 or state is None or lengths is not None or torch.is_grad_enabled():
        outputs: tuple[Tensor, Tensor] = layer(x, lengths, state)
        return outputs
    out, after = layer.step(x.select(time, 0), state)
    return out.unsqueeze(time), after
