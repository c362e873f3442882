"""A linear transform of a speaker's features that makes a Gaussian mixture model like them best: fMLLR.

    W = argmax n log|det A| + sum over frames and Gaussians of posterior * log N(A x + b; mean, variance),  W = [A b]

(Gales 1998, "Maximum likelihood linear transformations for HMM-based speech recognition", section 2.2: constrained
MLLR), row by row. Statistics add up over frames, so that a prior is some frames of what all speakers have in common.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.utils import jit

ROUNDS = 8
njit = jit.compiled(__file__)
Array = NDArray[np.floating[Any]]


class Statistics(NamedTuple):
    """frames: how many. first: [D, D + 1], second: [D, D + 1, D + 1], of features with a 1 behind them."""

    frames: float
    first: Array
    second: Array

    def __add__(self, other: Statistics) -> Statistics:  # type: ignore[override]
        return Statistics(self.frames + other.frames, self.first + other.first, self.second + other.second)

    def scaled(self, factor: float) -> Statistics:
        """As if there were `factor` times as many frames."""
        return Statistics(self.frames * factor, self.first * factor, self.second * factor)


def collect(
    features: NDArray[np.float32], precision: NDArray[np.float32], pull: NDArray[np.float32]
) -> Statistics:
    """Statistics of frames.

    Args:
        features: [T, D], not transformed.
        precision: [T, D], the sum over Gaussians of posterior / variance.
        pull: [T, D], the sum over Gaussians of posterior * mean / variance.
    """
    wide = np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)
    second = np.stack([(wide * precision[:, d : d + 1]).T @ wide for d in range(features.shape[1])])
    return Statistics(float(len(features)), (pull.T @ wide).astype(np.float64), second.astype(np.float64))


def solve(statistics: Statistics, start: Array | None = None, rounds: int = ROUNDS) -> Array:
    """The transform [D, D + 1], from `start` (the identity) in some rounds over its rows."""
    size = len(statistics.first)
    rows = np.eye(size, size + 1) if start is None else start.astype(np.float64).copy()
    inverse = np.linalg.inv(statistics.second)
    _solve(rows, statistics.frames, statistics.first, statistics.second, inverse, rounds)
    return rows


def gain(statistics: Statistics, transform: Array) -> float:
    """What the transform makes of the log-likelihood, but for a constant."""
    size = len(transform)
    quadratic = np.einsum("di,dij,dj->", transform, statistics.second, transform)
    volume = np.linalg.slogdet(transform[:, :size])[1]
    return float(statistics.frames * volume - 0.5 * quadratic + (transform * statistics.first).sum())


def apply(features: NDArray[np.float32], transform: Array) -> NDArray[np.float32]:
    """The transformed features [T, D]."""
    size = len(transform)
    return (features @ transform[:, :size].T + transform[:, size]).astype(np.float32)


@njit
def _solve(rows, count, first, second, inverse, rounds):
    size = len(rows)
    for _ in range(rounds):
        # Cofactors of a row, up to the determinant: that column of the inverse, kept up to date row by row.
        inside = np.linalg.inv(np.ascontiguousarray(rows[:, :size]))
        for d in range(size):
            cofactor = np.zeros(size + 1)
            cofactor[:size] = inside[:, d]
            onto = inverse[d] @ cofactor
            a, b = cofactor @ onto, onto @ first[d]
            root = np.sqrt(b * b + 4 * a * count)
            best, chosen = -np.inf, rows[d].copy()
            for sign in (1.0, -1.0):
                step = (-b + sign * root) / (2 * a)
                row = inverse[d] @ (step * cofactor + first[d])
                value = count * np.log(abs(row @ cofactor)) - 0.5 * row @ (second[d] @ row) + row @ first[d]
                if value > best:
                    best, chosen = value, row
            change = chosen[:size] - rows[d, :size]
            inside -= np.outer(inside[:, d], change @ inside) / (1.0 + change @ inside[:, d])
            rows[d] = chosen
