"""How speakers' transforms differ: a Gaussian learnt from training's, by which a recording of seconds is fitted.

    W(c) = mean + sum over k of c_k directions_k,   c = argmax scale * Q(W(c)) - |c|^2 / 2

Q is fMLLR's (see `fmllr`). The directions are principal axes of the training speakers' transforms, each as long as
their deviation along it, so that the prior of c is the unit Gaussian (eigen-MLLR: Chen et al. 2000; bases of fMLLR:
Povey and Yao 2012). Neighbouring frames say nearly the same: `scale` is how much each counts. Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.fmllr import Array, Statistics

SCALE = 0.1
STEPS = 6
HALVINGS = 8


class Speakers(NamedTuple):
    """mean: [D, D + 1]. directions: [K, D, D + 1]."""

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]


def learn(transforms: Sequence[Array], size: int) -> Speakers:
    """The Gaussian of some transforms, along its `size` longest axes."""
    rows = np.stack([transform.ravel() for transform in transforms]).astype(np.float64)
    mean = rows.mean(axis=0)
    _, lengths, axes = np.linalg.svd(rows - mean, full_matrices=False)
    size = min(size, len(rows) - 1)
    directions = axes[:size] * (lengths[:size, None] / np.sqrt(len(rows)))
    shape = transforms[0].shape
    return Speakers(mean.reshape(shape).astype(np.float32), directions.reshape(-1, *shape).astype(np.float32))


def fit(speakers: Speakers, statistics: Statistics, scale: float = SCALE) -> Array:
    """The likeliest transform [D, D + 1] given statistics and the Gaussian."""
    mean, axes = (table.astype(np.float64) for table in speakers)
    count, frames, size = len(axes), scale * statistics.frames, len(mean)
    pull = scale * (statistics.first - np.einsum("dij,dj->di", statistics.second, mean))
    linear = np.tensordot(axes, pull, axes=2)
    moved = np.matmul(axes.transpose(1, 0, 2), statistics.second)  # [D, K, D + 1]
    curve = scale * np.matmul(moved, axes.transpose(1, 2, 0)).sum(axis=0) + np.eye(count)

    def value(c: Array) -> float:
        sign, volume = np.linalg.slogdet((mean + np.tensordot(c, axes, axes=1))[:, :size])
        return float(frames * volume + linear @ c - 0.5 * c @ curve @ c) if sign > 0 else -np.inf

    c: Array = np.zeros(count)
    best = value(c)
    for _ in range(STEPS):
        inside = np.linalg.inv((mean + np.tensordot(c, axes, axes=1))[:, :size])
        turned = np.matmul(inside, axes[:, :, :size])  # A^-1 dA, [K, D, D]
        slope = frames * np.trace(turned, axis1=1, axis2=2) + linear - curve @ c
        bend = frames * turned.reshape(count, -1) @ turned.transpose(0, 2, 1).reshape(count, -1).T
        step = np.linalg.solve(curve + bend, slope)
        if step @ slope <= 0:
            step = np.linalg.solve(curve, slope)
        reached, c, gained = _along(value, c, step, best)
        if gained < 1e-3:
            break
        best = reached
    return mean + np.tensordot(c, axes, axes=1)


def _along(
    value: Callable[[Array], float], c: Array, step: Array, before: float
) -> tuple[float, Array, float]:
    """Go a step, or a part of it that gains: the value there, the place, the gain."""
    for halving in range(HALVINGS):
        there = c + step / 2**halving
        now = value(there)
        if now > before:
            return now, there, now - before
    return before, c, 0.0
