"""Packed models against the definition of back-off, and published numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_models import PUBLISHED, back_off, table, weights_of

from speechgru.errors import LanguageModelError
from speechgru.lm import arpa, load
from speechgru.lm.ngram import Perplexity, from_table
from speechgru.lm.packed_query import advance

LN10 = math.log(10)
NAMES = ["a", "b", "c"]


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "published.arpa"
    path.write_text(PUBLISHED)
    return load(path)


def test_the_published_example(published):
    # Every number from the page; "oak" is unknown, and (pittsburgh, wood) backs off.
    expected = [-0.2553, -0.2553, -0.2553, -0.2553 - 0.6990, -0.2553 - 1.0]
    scores = published.score(["oak", "wood", "pittsburgh", "wood"])
    assert np.array(scores) / LN10 == pytest.approx(expected, abs=1e-6)
    assert published.words == ("<unk>", "<s>", "</s>", "cindy", "jean", "pittsburgh", "wood")
    assert (published.order, published.counts) == (2, [7, 7])


def test_words_have_ids_and_others_have_none(published):
    assert [published.index(w) for w in published.words] == list(range(7))
    assert [published.index(w) for w in ("", "a", "oak", "zoo", "cindyx")] == [0] * 5


def test_in_the_middle_of_a_sentence_nothing_is_known_before(published):
    (first,) = published.score(["wood"], begin=False, end=False)
    assert first == pytest.approx(-0.6990 * LN10)


def test_perplexity_by_hand(published):
    found = published.perplexity(["wood pittsburgh", "", "oak"])
    first = [-0.3064 - 0.6990, -0.2553, -0.2553 - 1.0]
    second = [-0.2553, -0.2553 - 1.0]
    assert (found.sentences, found.tokens, found.words, found.oov) == (2, 5, 3, 1)
    assert found.with_oov == pytest.approx(10 ** (-sum(first + second) / 5), rel=1e-6)
    assert found.without_oov == pytest.approx(10 ** (-sum([*first, second[1]]) / 4), rel=1e-6)
    assert found.oov_rate == pytest.approx(1 / 3)
    nothing = published.perplexity([])
    assert math.isnan(nothing.with_oov) and math.isnan(nothing.oov_rate)


def test_states_and_words_outside_the_model_are_the_empty_context_and_unknown(published):
    arrays = published.arrays
    for state in (-1, 10**9):
        assert advance(arrays, state, 4) == advance(arrays, 0, 4)
    for word in (-1, 7, 10**9):
        assert advance(arrays, 3, word) == advance(arrays, 3, 0)


def grams(order):
    """Sets of n-grams in which what an n-gram goes on from is there, and what it ends in may be missing."""
    one = st.lists(st.sampled_from(NAMES), min_size=1, max_size=order).map(tuple)
    return st.sets(one, max_size=25).map(lambda found: {g[:k] for g in found for k in range(1, len(g) + 1)})


@settings(max_examples=150)
@given(grams(4), st.randoms(use_true_random=False), st.lists(st.sampled_from([*NAMES, "z"]), max_size=12))
def test_any_model_backs_off_as_defined(found, random, sentence):
    single = {(w,) for w in ["<unk>", "<s>", "</s>", *NAMES]}
    weights = {
        g: (-random.random() * 9, random.choice([0.0, -random.random(), random.random()]) * (len(g) < 4))
        for g in sorted(found | single | {("<s>", "a"), ("<s>", "a", "b"), ("a", "</s>")})
    }
    made = table(weights)
    model = from_table(made)
    order = made.order
    history = ("<s>",)
    known = [w if (w,) in weights else "<unk>" for w in sentence]
    for word, score in zip([*known, "</s>"], model.score(sentence)):
        context = history[-(order - 1) :] if order > 1 else ()
        assert score == pytest.approx(back_off(weights_of(made), context, word), abs=1e-5)
        history += (word,)


@settings(max_examples=30)
@given(grams(3))
def test_equal_states_mean_equal_futures(found):
    """A state says all that matters: after every history with the same one, all words are equally likely."""
    weights = {(w,): (-1.5, -0.1) for w in ["<unk>", "<s>", "</s>", *NAMES]}
    longest = max(map(len, found), default=1)
    for i, gram in enumerate(sorted(g for g in found if len(g) > 1)):
        weights[gram] = (-0.1 * i, -0.01 * i * (len(gram) < longest))
    made = weights_of(table(weights))
    model = from_table(table(weights))
    futures: dict[int, list[float]] = {}
    for history in [(a, b) for a in NAMES for b in NAMES]:
        state = 0
        for word in history:
            state = int(advance(model.arrays, state, model.index(word))[0])
        future = [back_off(made, history, word) for word in NAMES]
        assert futures.setdefault(state, future) == pytest.approx(future, abs=1e-6)


def test_an_order_of_one_word_works(tmp_path):
    made = table({("<unk>",): (-3, 0), ("<s>",): (-99, 0), ("</s>",): (-1, 0), ("a",): (-0.5, 0)})
    model = from_table(made)
    assert model.score(["a", "b"]) == pytest.approx([-0.5, -3, -1])
    assert (model.order, model.start) == (1, 0)
    arpa.write(tmp_path / "one.arpa", made)
    assert load(tmp_path / "one.arpa").score(["a"]) == pytest.approx([-0.5, -1])


def test_a_file_that_is_not_there(tmp_path):
    for name in ("none.slm", "none.arpa", "none.arpa.gz"):
        with pytest.raises(LanguageModelError, match=name):
            load(tmp_path / name)


def test_a_text_that_cannot_be_has_no_end_of_perplexity() -> None:
    measured = Perplexity(sentences=1, tokens=2, oov=0, log_prob=-1e6, known_log_prob=-1e6)
    assert measured.with_oov == measured.without_oov == math.inf
