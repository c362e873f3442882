"""Gains of words: by hand."""

from __future__ import annotations

import math

import pytest

from speechgru.decoding import prefix_search
from speechgru.lm import NGram
from speechgru.lm import estimate as lm_build
from speechgru.lm.corpus import Reader, Scratch
from speechgru.lm.ngram import from_table
from speechgru.mmi import favoured


@pytest.fixture(scope="module")
def lm() -> NGram:
    with Scratch() as scratch:
        reader = Reader(scratch)
        reader.add(["the cat sat on the mat", "a cat", "the mat"])
        settings = lm_build.Settings(order=2, discount_fallback=True)
        return from_table(lm_build.make(reader.corpus(), settings, scratch))


def test_a_word_gains_what_it_is_more_frequent(lm: NGram) -> None:
    texts = ["the cat wug", "wug sat"]
    made = favoured.gains(texts, lm, 0.5)
    logs = prefix_search.unigrams(lm.arrays.frozen(), len(lm.words))
    for word, count in (("wug", 2), ("sat", 1)):
        usual = math.exp(logs[lm.words.index(word)]) if word in lm.words else favoured.RAREST
        own = (count + 500 * usual) / 505
        gain = 0.5 * math.log(own / usual)
        assert made.get(word, 0.0) == pytest.approx(gain if gain > favoured.LEAST else 0.0, abs=1e-4)
    assert made["wug"] > 3, "nobody else says it"
    assert all(gain > 0 for gain in made.values())


def test_nothing_gains_by_power_0_or_without_texts(lm: NGram) -> None:
    assert favoured.gains(["wug"], lm, 0.0) == {} == favoured.gains([], lm, 0.5)
