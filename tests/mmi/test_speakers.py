"""Transforms of speakers by what is known of others."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.mmi import fmllr, speakers

SIZE = 4


def crowd(count: int = 200) -> list[np.ndarray]:
    """Transforms that differ along three directions."""
    draw = np.random.default_rng(0)
    axes = 0.15 * draw.normal(size=(3, SIZE, SIZE + 1))
    return [np.eye(SIZE, SIZE + 1) + np.tensordot(draw.normal(size=3), axes, axes=1) for _ in range(count)]


def statistics_of(transform: np.ndarray, frames: int) -> fmllr.Statistics:
    """Statistics of a speaker whose features this transform makes clean."""
    draw = np.random.default_rng(1)
    means = 2 * draw.normal(size=(12, SIZE))
    mean = means[draw.integers(12, size=frames)]
    clean = mean + 0.3**0.5 * draw.normal(size=mean.shape)
    raw = (clean - transform[:, SIZE]) @ np.linalg.inv(transform[:, :SIZE]).T
    precision = np.full(raw.shape, 1 / 0.3, np.float32)
    return fmllr.collect(raw.astype(np.float32), precision, (mean / 0.3).astype(np.float32))


def test_the_axes_of_a_crowd_are_learnt() -> None:
    known = speakers.learn(crowd(), 10)
    lengths = np.sqrt((known.directions**2).sum(axis=(1, 2)))
    assert lengths[2] > 0.05 and lengths[3] < 1e-5
    assert np.abs(known.mean - np.eye(SIZE, SIZE + 1)).max() < 0.1


def test_a_speaker_is_found_from_a_second() -> None:
    group = crowd()
    known = speakers.learn(group[1:], 3)
    statistics = statistics_of(group[0], 100)
    fitted, alone = speakers.fit(known, statistics), fmllr.solve(statistics)
    apart = [np.abs(transform - group[0]).mean() for transform in (fitted, alone, known.mean)]
    assert apart[0] < 0.7 * min(apart[1:])


def test_newton_reaches_the_top() -> None:
    group = crowd()
    known = speakers.learn(group, 3)
    statistics = statistics_of(group[3], 400)
    fitted = speakers.fit(known, statistics, 0.5)
    rows = known.directions.reshape(3, -1).astype(np.float64)
    c = np.linalg.lstsq(rows.T, (fitted - known.mean).ravel(), rcond=None)[0]

    def worth(c: np.ndarray) -> float:
        moved = known.mean + np.tensordot(c, known.directions, axes=1)
        return 0.5 * fmllr.gain(statistics, moved) - 0.5 * float(c @ c)

    top = worth(c)
    for axis in range(3):
        for step in (-0.01, 0.01):
            assert worth(c + step * np.eye(3)[axis]) < top + 1e-6


@pytest.mark.parametrize("frames", [1, 3])
def test_of_a_few_frames_the_crowd_decides(frames: int) -> None:
    group = crowd()
    known = speakers.learn(group, 3)
    fitted = speakers.fit(known, statistics_of(group[0], frames), 0.001)
    assert np.abs(fitted - known.mean).max() < 0.05
