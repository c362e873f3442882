"""The language model that comes with the package."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from speechgru.lm import load
from speechgru.lm.packed_query import advance
from speechgru.lm.table import SPECIAL
from speechgru.utils.assets import ASSETS, find_lm

LARGEST = 12_000_000


@pytest.fixture(scope="module")
def model():
    return load(find_lm("english"))


def test_it_is_small_and_says_where_it_comes_from(model):
    assert find_lm("english").stat().st_size <= LARGEST
    assert model.order >= 3 and len(model.words) > 20_000
    assert all(source["licence"] for source in model.header["sources"])
    assert "none in the text" in model.header["checked"]
    card = (ASSETS / "english-lm.md").read_text(encoding="utf-8")
    for source in model.header["sources"]:
        assert source["name"] in card and source["licence"] in card
    assert f"{find_lm('english').stat().st_size:,} bytes" in card


def test_its_words_are_what_the_normaliser_writes(model):
    assert all(re.fullmatch("[a-z']+", word) for word in model.words[len(SPECIAL) :])


@pytest.mark.parametrize("context", ["", "the old man", "it was", "zxqv"])
def test_probabilities_sum_to_one(model, context):
    state = model.start
    for word in context.split():
        state = int(advance(model.arrays, state, model.index(word))[0])
    ids = [i for i in range(len(model.words)) if model.words[i] != "<s>"]
    total = math.fsum(np.exp([advance(model.arrays, state, i)[1] for i in ids]))
    assert total == pytest.approx(1, abs=0.01)


def test_english_is_likelier_than_its_words_in_another_order(model):
    said = "he went to the door and opened it"
    shuffled = "it opened and door the to went he"
    assert sum(model.score(said.split())) > sum(model.score(shuffled.split())) + 20
