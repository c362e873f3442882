"""Tokens become words: nothing lost, times in order, confidence between 0 and 1."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.decoding import Hypothesis
from speechgru.decoding.hypothesis import Token, confidences, words
from speechgru.transcript import Word, segments


def _hypothesis(text: str, confidence: float = 0.5) -> Hypothesis:
    tokens = tuple(Token(c, 2 * i, 2 * i + 1, confidence) for i, c in enumerate(text))
    return Hypothesis(" ".join(text.split()), tokens, -1.0)


def test_a_word_lasts_from_its_first_token_to_the_end_of_its_last() -> None:
    tokens = (Token("h", 3, 4, 0.9), Token("i", 6, 9, 0.9), Token(" ", 11, 12, 0.2), Token("o", 14, 15, 0.8))
    first, second = words(Hypothesis("hi o", tokens, -2.0), 0.04, offset=100.0)
    assert (first.text, second.text) == ("hi", "o")
    assert (first.start, first.end) == pytest.approx((100.12, 100.36))
    assert (second.start, second.end) == pytest.approx((100.56, 100.60))


def test_confidence_is_the_geometric_mean_of_the_letters_and_not_of_the_space() -> None:
    tokens = (Token("a", 0, 1, 0.9), Token("b", 1, 2, 0.4), Token(" ", 2, 3, 0.01), Token("c", 3, 4, 0.7))
    first, second = words(Hypothesis("ab c", tokens, 0.0), 0.04)
    assert first.confidence == pytest.approx((0.9 * 0.4) ** 0.5)
    assert second.confidence == pytest.approx(0.7)


@pytest.mark.parametrize("confidence", [0.0, 1e-30, 1.0])
def test_confidence_stays_in_range(confidence: float) -> None:
    (word,) = words(_hypothesis("abc", confidence), 0.04)
    assert 0.0 <= word.confidence <= 1.0


def test_nothing_said() -> None:
    assert words(_hypothesis(""), 0.04) == ()
    assert words(_hypothesis("   "), 0.04) == ()


@given(st.text(alphabet="ab' ", max_size=40), st.floats(0, 1))
def test_each_letter_of_each_word_has_its_confidence(text: str, confidence: float) -> None:
    found = confidences(_hypothesis(text, confidence))
    assert [len(letters) for letters in found] == [len(word) for word in text.split()]
    assert all(letter == confidence for letters in found for letter in letters)


@given(st.text(alphabet="ab' ", max_size=40))
def test_the_words_are_the_text(text: str) -> None:
    found = words(_hypothesis(text), 0.04)
    assert " ".join(word.text for word in found) == " ".join(text.split())
    assert all(word.start < word.end for word in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_segments_break_at_pauses_and_keep_every_word() -> None:
    said = [
        Word("a", 0.0, 0.5, 1.0),
        Word("b", 1.4, 1.5, 1.0),
        Word("c", 2.5, 3.0, 1.0),
        Word("d", 3.1, 3.2, 1.0),
    ]
    assert [s.text for s in segments(said)] == ["a b", "c d"]
    assert [s.text for s in segments(said, pause=5.0)] == ["a b c d"]
    assert segments([]) == ()
