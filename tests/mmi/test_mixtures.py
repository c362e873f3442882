"""Gaussian mixtures and the features that they are of."""

from __future__ import annotations

import numpy as np

from speechgru.mmi import cepstra, fmllr, mixtures


def made(states: int = 3, count: int = 2, size: int = 4) -> mixtures.Mixtures:
    draw = np.random.default_rng(0)
    weight = draw.uniform(0.2, 1, (states, count))
    return mixtures.Mixtures(
        (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32),
        2 * draw.normal(size=(states, count, size)).astype(np.float32),
        draw.uniform(0.5, 1.5, (states, count, size)).astype(np.float32),
    )


def test_scores_are_densities() -> None:
    mix, x = made(), np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    apart = (x[:, None, None] - mix.mean) ** 2 / mix.variance
    density = np.exp(-0.5 * apart.sum(axis=3)) / np.sqrt((2 * np.pi) ** 4 * mix.variance.prod(axis=2))
    expected = (mix.weight * density).sum(axis=2)
    np.testing.assert_allclose(mixtures.scores(mix, x), np.log(expected), rtol=1e-4)
    own = (mix.weight * density)[np.arange(5), [0, 1, 2, 0, 1]]
    shares = mixtures.posteriors(mix, x, np.array([0, 1, 2, 0, 1]))
    np.testing.assert_allclose(shares, own / own.sum(axis=1, keepdims=True), rtol=1e-3)


def estimated(before: mixtures.Mixtures, x: np.ndarray, states: np.ndarray) -> mixtures.Mixtures:
    sums = mixtures.Sums(before)
    sums.add(x[:1000], states[:1000])
    sums.add(x[1000:], states[1000:])
    return sums.estimate()


def test_training_raises_the_likelihood() -> None:
    mix, draw = made(), np.random.default_rng(2)
    states = draw.integers(3, size=3000)
    which = draw.integers(2, size=3000)
    x = (mix.mean[states, which] + 0.7 * draw.normal(size=(3000, 4))).astype(np.float32)
    single = mixtures.Mixtures(
        np.ones((3, 1), np.float32), np.zeros((3, 1, 4), np.float32), np.ones((3, 1, 4), np.float32)
    )
    now = mixtures.split(estimated(single, x, states))
    before = -np.inf
    for _ in range(6):
        value = mixtures.scores(now, x)[np.arange(3000), states].mean()
        assert value > before - 1e-4
        now, before = estimated(now, x, states), value


def test_a_speaker_is_fitted() -> None:
    mix, draw = made(states=8), np.random.default_rng(3)
    states = draw.integers(8, size=4000)
    which = draw.integers(2, size=4000)
    clean = mix.mean[states, which] + np.sqrt(mix.variance[states, which]) * draw.normal(size=(4000, 4))
    moved = (1.3 * clean - 0.5).astype(np.float32)
    transform = None
    for _ in range(5):
        transform = fmllr.solve(mixtures.speaker_statistics(mix, moved, states, transform), transform)
    assert transform is not None
    np.testing.assert_allclose(transform[:, :4], np.eye(4) / 1.3, atol=0.06)


def test_projection_whitens_and_tells_classes_apart() -> None:
    draw = np.random.default_rng(4)
    labels = draw.integers(3, size=5000)
    x = draw.normal(size=(5000, 6)) @ draw.normal(size=(6, 6))
    x[:, 2] += 4 * labels
    sums = np.stack([x[labels == c].sum(axis=0) for c in range(3)])
    projection = cepstra.discriminate(np.bincount(labels).astype(float), sums, x.T @ x, 2)
    y = x @ projection.rows.T - projection.offset
    within = y - np.stack([y[labels == c].mean(axis=0) for c in range(3)])[labels]
    np.testing.assert_allclose(np.cov(within.T), np.eye(2), atol=0.05)
    means = np.array([y[labels == c, 0].mean() for c in range(3)])
    assert np.ptp(means) > 2


def test_splicing_keeps_every_frame_in_the_middle() -> None:
    frames = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert cepstra.splice(frames, 1).tolist() == [[0, 1, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 4, 5]]


def test_cepstra_have_no_mean() -> None:
    log_mel = np.random.default_rng(5).normal(size=(50, 80)).astype(np.float32)
    values = cepstra.cepstra(log_mel)
    assert values.shape == (50, cepstra.CEPSTRA)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)
