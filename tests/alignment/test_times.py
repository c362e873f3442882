"""Words' times from a hybrid model's edges, where the CTC model and the pauses agree with them."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.alignment import times
from speechgru.inference.word_times import Times
from speechgru.transcript import Word

FRAME = 0.04
RUNS = [Word("one", 1.0, 1.3, 0.9), Word("two", 1.5, 1.8, 0.9)]
NONE = np.empty((0, 2))


def _spans(spans: list[tuple[float, float] | None], silences: np.ndarray = NONE) -> list[tuple[float, float]]:
    known = Times(start=0.02, end=0.06, reach=0.2, quiet=0.25)
    words = times.by_edges(RUNS, spans, silences, known, 3.0, FRAME)
    return [(word.start, word.end) for word in words]


def test_edges_are_taken_where_nobody_pauses() -> None:
    found = _spans([(0.93, 1.41), (1.41, 1.9)])
    np.testing.assert_allclose(found, [(0.93, 1.41), (1.41, 1.9)], atol=1e-9)


def test_an_edge_far_from_the_run_is_not_believed() -> None:
    (start, end), _ = _spans([(0.3, 1.41), (1.41, 1.9)])
    assert start == pytest.approx(1.0 - 0.02) and end == pytest.approx(1.41)


def test_a_word_without_edges_keeps_the_times_of_its_run() -> None:
    np.testing.assert_allclose(_spans([None, None]), [(0.98, 1.36), (1.48, 1.86)], atol=1e-9)


def test_a_pause_near_an_edge_is_surer() -> None:
    _, (start, end) = _spans([(0.93, 1.41), (1.41, 1.9)], np.array([[1.85, 3.0]]))
    assert start == pytest.approx(1.41) and end == pytest.approx(1.85)


def test_words_never_overlap() -> None:
    (_, end), (start, _) = _spans([(0.93, 1.5), (1.44, 1.9)])
    assert end <= start
