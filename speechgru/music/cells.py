"""One step of a GRU layer in NumPy: for a chain of tiny steps PyTorch's own calls cost more than the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.gru import GRU

Array = NDArray[np.floating[Any]]


class Cell:
    """The first layer of a GRU of one direction, with its weights as they are now."""

    def __init__(self, gru: GRU) -> None:
        def own(name: str) -> Array:
            return np.ascontiguousarray(getattr(gru, f"{name}_l0").detach().cpu().float().numpy().T)

        self._inputs, self._bias, self._states = own("weight_ih"), own("bias_ih"), own("weight_hh")
        self._after = own("bias_hh") if gru.reset == "after" else None
        self.size = gru.hidden_size
        # Of the gates; sigma(x) = (1 + tanh(x / 2)) / 2.
        self._rz, self._n = self._states[:, : 2 * self.size].copy(), self._states[:, 2 * self.size :].copy()

    def gates(self, x: Array, first: int = 0, last: int | None = None) -> Array:
        """Products [..., 3H] of inputs `first` to `last` with their weights; the bias belongs to the first."""
        products: Array = x @ self._inputs[first:last]
        return products + self._bias if first == 0 else products

    def step(self, gates: Array, h: Array) -> Array:
        """The state [B, H] after h [B, H], where `gates` [B, 3H] are all inputs' products."""
        size = self.size
        if self._after is None:
            rz = 0.5 + 0.5 * np.tanh(0.5 * (gates[:, : 2 * size] + h @ self._rz))
            n = np.tanh(gates[:, 2 * size :] + (rz[:, :size] * h) @ self._n)
        else:
            products = h @ self._states + self._after
            rz = 0.5 + 0.5 * np.tanh(0.5 * (gates[:, : 2 * size] + products[:, : 2 * size]))
            n = np.tanh(gates[:, 2 * size :] + rz[:, :size] * products[:, 2 * size :])
        return n + rz[:, size:] * (h - n)
