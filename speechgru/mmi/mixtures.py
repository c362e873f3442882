"""Gaussian mixtures with diagonal variances, one a state: how likely frames are, and learning them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi import fmllr

FLOOR = 0.05  # of variances
FEWEST = 20  # frames that a Gaussian is estimated of
Frames = NDArray[np.float32]
States = NDArray[np.int64]


class Mixtures(NamedTuple):
    """weight: [S, M]; mean, variance: [S, M, D]; float32."""

    weight: NDArray[np.float32]
    mean: NDArray[np.float32]
    variance: NDArray[np.float32]


def scores(mixtures: Mixtures, features: Frames) -> NDArray[np.float32]:
    """Natural-log likelihoods [T, S] of frames [T, D] in each state."""
    states, count, size = mixtures.mean.shape
    precision = 1 / mixtures.variance
    wide = np.concatenate([features, features**2], axis=1)
    rows = np.concatenate([mixtures.mean * precision, -0.5 * precision], axis=2).reshape(
        states * count, 2 * size
    )
    parts = (wide @ rows.T + _constants(mixtures).ravel()).reshape(len(features), states, count)
    top = parts.max(axis=2)
    values: NDArray[np.float32] = top + np.log(np.exp(parts - top[:, :, None]).sum(axis=2))
    return values


def posteriors(mixtures: Mixtures, features: Frames, states: States) -> NDArray[np.float32]:
    """Of the Gaussians of each frame's own state, [T, M]."""
    precision = 1 / mixtures.variance[states]
    apart = features[:, None] - mixtures.mean[states]
    parts = _constants(mixtures)[states] + _peak(mixtures)[states] - 0.5 * (apart**2 * precision).sum(axis=2)
    parts = np.exp(parts - parts.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = parts / parts.sum(axis=1, keepdims=True)
    return shares


class Sums:
    """What mixtures are estimated of, frame by frame.

    Args:
        before: the mixtures under which posteriors are taken.
    """

    def __init__(self, before: Mixtures) -> None:
        self.before = before
        self.occupied = np.zeros(before.weight.shape)
        self.first, self.second = np.zeros(before.mean.shape), np.zeros(before.mean.shape)

    def add(self, features: Frames, states: States) -> None:
        """Frames [T, D], at least one, and their states [T]."""
        shares = posteriors(self.before, features, states)
        order = np.argsort(states, kind="stable")
        present, starts = np.unique(states[order], return_index=True)
        weighted = shares[order, :, None] * features[order, None, :]
        self.occupied[present] += np.add.reduceat(shares[order], starts)
        self.first[present] += np.add.reduceat(weighted, starts)
        self.second[present] += np.add.reduceat(weighted * features[order, None, :], starts)

    def estimate(self) -> Mixtures:
        """Mixtures of all frames so far; rare Gaussians stay as they were."""
        kept = (self.occupied > FEWEST)[:, :, None]
        frames = np.maximum(self.occupied, 1)[:, :, None]
        mean = self.first / frames
        variance = np.maximum(self.second / frames - mean**2, FLOOR)
        weight = np.maximum(self.occupied, 0.01 * self.occupied.sum(axis=1, keepdims=True) + 1e-3)
        return Mixtures(
            (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32),
            np.where(kept, mean, self.before.mean).astype(np.float32),
            np.where(kept, variance, self.before.variance).astype(np.float32),
        )


def split(mixtures: Mixtures, seed: int = 0) -> Mixtures:
    """Twice as many Gaussians: each becomes two, a third of a deviation to either side, in random directions."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], mixtures.mean.shape).astype(np.float32)
    shift = 0.3 * np.sqrt(mixtures.variance) * signs
    return Mixtures(
        np.concatenate([mixtures.weight / 2] * 2, axis=1),
        np.concatenate([mixtures.mean + shift, mixtures.mean - shift], axis=1),
        np.concatenate([mixtures.variance] * 2, axis=1),
    )


def speaker_statistics(
    mixtures: Mixtures, features: Frames, states: States, transform: fmllr.Array | None = None
) -> fmllr.Statistics:
    """What a speaker's transform is estimated of: features [T, D] as they are, each frame's state, and the transform
    under which posteriors are taken."""
    moved = features if transform is None else fmllr.apply(features, transform)
    shares = posteriors(mixtures, moved, states)[:, :, None]
    precision = 1 / mixtures.variance[states]
    return fmllr.collect(
        features, (shares * precision).sum(axis=1), (shares * precision * mixtures.mean[states]).sum(axis=1)
    )


def _peak(mixtures: Mixtures) -> NDArray[np.float32]:
    """What `_constants` has of the means, with the other sign: [S, M]."""
    values: NDArray[np.float32] = 0.5 * (mixtures.mean**2 / mixtures.variance).sum(axis=2)
    return values


def _constants(mixtures: Mixtures) -> NDArray[np.float32]:
    """The part of log weight * N(x) that doesn't depend on x, where the square is multiplied out: [S, M]."""
    size = mixtures.mean.shape[2]
    spread = size * math.log(2 * math.pi) + np.log(mixtures.variance).sum(axis=2)
    values: NDArray[np.float32] = (np.log(mixtures.weight) - 0.5 * spread - _peak(mixtures)).astype(
        np.float32
    )
    return values
