"""Distances between sets of pieces: against SciPy's, and between sets whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import jensenshannon

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.evaluation.distances import HISTOGRAMS, distance, distances, divergence

counts = arrays.arrays(np.int64, 6, elements=st.integers(0, 50)).filter(np.any)


@given(counts, counts)
def test_the_divergence_is_scipys(first: np.ndarray, second: np.ndarray) -> None:
    assert divergence(first, second) == pytest.approx(jensenshannon(first, second, base=2) ** 2, abs=1e-9)
    assert divergence(first, second) == pytest.approx(divergence(second, first))


def test_the_divergence_of_what_has_nothing_in_common_is_a_bit() -> None:
    assert divergence(np.array([3, 0]), np.array([0, 9])) == 1
    assert divergence(np.array([3, 1]), np.array([6, 2])) == 0
    assert np.isnan(divergence(np.array([0, 0]), np.array([6, 2])))


def some_pieces(seed: int, pitches: list[int], count: int = 30) -> list[NoteSequence]:
    generator = np.random.default_rng(seed)
    lines = [generator.choice(pitches, 40) for _ in range(count)]
    return [NoteSequence(tuple(Note(i, int(p), i + 1) for i, p in enumerate(line))) for line in lines]


MAJOR, CHROMATIC = [60, 62, 64, 65, 67, 69, 71], list(range(60, 72))


def test_two_samples_of_the_same_music_are_not_told_apart() -> None:
    found = distances(some_pieces(0, MAJOR), some_pieces(1, MAJOR), samples=300)
    assert set(found) == set(HISTOGRAMS)
    pitches = found["pitches"]
    assert not pitches.is_beyond_chance
    assert pitches.interval[0] < pitches.interval[1] < 0.05
    assert found["note lengths"].value == 0 and found["pitches at once"].value == 0


def test_other_music_is_told_apart() -> None:
    found = distances(some_pieces(0, MAJOR), some_pieces(1, CHROMATIC), samples=300)
    pitches = found["pitches"]
    # Shares 1/7 on seven of twelve against 1/12 on all.
    expected = float(divergence(np.isin(CHROMATIC, MAJOR) * 12, np.full(12, 7)))
    assert pitches.value == pytest.approx(expected, abs=0.02)
    assert pitches.interval[0] < expected < pitches.interval[1] + 0.02
    assert pitches.is_beyond_chance and not found["note lengths"].is_beyond_chance
    again = distances(some_pieces(0, MAJOR), some_pieces(1, CHROMATIC), samples=300)
    assert again == found


def test_the_key_does_not_matter_where_it_should_not() -> None:
    first = some_pieces(0, [60, 60, 60, 62, 64, 64, 65, 67, 67, 69, 71])
    moved = [piece.transposed(5) for piece in first]
    found = distances(first, moved, samples=50)
    assert found["pitch classes from the tonic"].value == pytest.approx(0, abs=1e-9)
    assert found["melody intervals"].value == 0 and found["pitches"].value > 0.1


def test_one_piece_has_no_interval() -> None:
    found = distance(np.array([[1, 2]]), np.array([[2, 1], [3, 1]]), samples=20)
    assert np.isnan(found.interval).all() and 0 < found.value < 1


def test_empty_sets_are_refused() -> None:
    with pytest.raises(MusicError, match="a piece with notes"):
        distances(some_pieces(0, MAJOR), [NoteSequence()])
