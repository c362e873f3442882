"""One step of a GRU layer in NumPy: for a chain of tiny steps PyTorch's own calls cost more than the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from speechgru.models import GRU

Array = NDArray[np.floating[Any]]


def array(tensor: Tensor) -> Array:
    """Weights for NumPy, wherever they lie."""
    weights: Array = tensor.detach().cpu().float().numpy()
    return weights


class Cell:
    """The first layer of a GRU of one direction, with its weights as they are now.

    sigma(x) = (1 + tanh(x / 2)) / 2, so the weights of r and z are kept as halves.
    """

    def __init__(self, gru: GRU) -> None:
        self.size = gru.hidden_size
        half = np.repeat(np.array([0.5, 0.5, 1.0], dtype=np.float32), self.size)

        def own(name: str) -> Array:
            return np.ascontiguousarray(array(getattr(gru, f"{name}_l0")).T * half)

        self._inputs, self._bias, states = own("weight_ih"), own("bias_ih"), own("weight_hh")
        self._rz, self._n = states[:, : 2 * self.size].copy(), states[:, 2 * self.size :].copy()
        self._after = None
        if gru.reset == "after":
            bias = own("bias_hh")
            self._bias[: 2 * self.size] += bias[: 2 * self.size]
            self._after = bias[2 * self.size :]

    def gates(self, x: Array, first: int = 0, last: int | None = None) -> Array:
        """Products [..., 3H] of inputs `first` to `last` with their weights; the bias belongs to the first."""
        products: Array = x @ self._inputs[first:last]
        return products + self._bias if first == 0 else products

    def step(self, gates: Array, h: Array) -> Array:
        """The state [B, H] after h [B, H], where `gates` [B, 3H] are all inputs' products."""
        size = self.size
        rz = h @ self._rz
        rz += gates[:, : 2 * size]
        np.tanh(rz, out=rz)
        rz *= 0.5
        rz += 0.5
        r, z = rz[:, :size], rz[:, size:]
        n = (r * h) @ self._n if self._after is None else r * (h @ self._n + self._after)
        n += gates[:, 2 * size :]
        np.tanh(n, out=n)
        after: Array = n + z * (h - n)
        return after
