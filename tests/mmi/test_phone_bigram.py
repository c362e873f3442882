"""Which phone follows which, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.mmi import phone_bigram, spoken_words


def test_counts_of_words_and_of_what_is_between_them() -> None:
    spoken = spoken_words.pack([((1, 2), 0), ((2,), 1)])
    found = np.exp(phone_bigram.estimate(spoken, 3))
    # Two words: one pair inside; each follows each, four in five without a pause.
    counts = np.full((3, 3), 0.5)
    counts[1, 2] += 1
    counts[2, 1] += 0.8 * 2 * 1 / 2
    counts[2, 2] += 0.8 * 2 * 1 / 2
    counts[2, 0] += 0.2 * 2
    counts[0, 1] += 0.2
    counts[0, 2] += 0.2
    expected = counts / counts.sum(axis=1, keepdims=True)
    expected[0, 0] = 0
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_without_words_all_phones_are_alike() -> None:
    found = phone_bigram.estimate(None, 4)
    assert np.exp(found[1]) == pytest.approx(np.full(4, 0.25))
    assert found[0, 0] < -1e8
