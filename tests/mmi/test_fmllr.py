"""Transforms of features: known ones are estimated again, and more likelihood is what they give."""

from __future__ import annotations

import numpy as np

from speechgru.mmi import fmllr

SIZE = 4


def speech(frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames [T, D] of Gaussians of variance 0.3, their means, and the same distorted."""
    draw = np.random.default_rng(0)
    means = 2 * draw.normal(size=(12, SIZE))
    mean = means[draw.integers(12, size=frames)]
    clean = mean + 0.3**0.5 * draw.normal(size=mean.shape)
    mix = np.eye(SIZE) + 0.3 * draw.normal(size=(SIZE, SIZE))
    return clean.astype(np.float32), mean, ((clean - 1.5) @ mix.T).astype(np.float32)


def statistics(features: np.ndarray, mean: np.ndarray) -> fmllr.Statistics:
    precision = np.full(features.shape, 1 / 0.3, np.float32)
    return fmllr.collect(features, precision, (mean / 0.3).astype(np.float32))


def test_a_distortion_is_undone() -> None:
    clean, mean, distorted = speech(20000)
    transform = fmllr.solve(statistics(distorted, mean), rounds=30)
    assert np.abs(fmllr.apply(distorted, transform) - clean).mean() < 0.05


def test_every_round_gains() -> None:
    _, mean, distorted = speech(300)
    sums = statistics(distorted, mean)
    transform, before = None, fmllr.gain(sums, np.eye(SIZE, SIZE + 1))
    for _ in range(5):
        transform = fmllr.solve(sums, transform, rounds=1)
        assert fmllr.gain(sums, transform) >= before - 1e-6
        before = fmllr.gain(sums, transform)


def test_of_a_few_frames_the_prior_decides() -> None:
    clean, mean, distorted = speech(2000)
    prior = statistics(clean, mean)
    alone = fmllr.solve(prior)
    mixed = fmllr.solve(statistics(distorted[:3], mean[:3]) + prior.scaled(1000))
    assert np.abs(mixed - alone).max() < 0.01


def test_statistics_add_up() -> None:
    clean, mean, _ = speech(50)
    both = statistics(clean[:20], mean[:20]) + statistics(clean[20:], mean[20:])
    whole = statistics(clean, mean)
    np.testing.assert_allclose(both.second, whole.second, rtol=1e-4)
    assert both.frames == whole.frames
