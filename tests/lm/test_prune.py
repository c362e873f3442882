"""Leaving n-grams out: what it costs by definition, and that what is left is still a model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from lm_models import SENTENCES, back_off, counts, sum_after, weights_of

from speechgru import lm
from speechgru.errors import LanguageModelError
from speechgru.lm import load
from speechgru.lm._counts import count
from speechgru.lm._kneser_ney import estimate
from speechgru.lm._prune import importance, prune, quantised, renormalised, table
from speechgru.lm.bit_packing import codebook
from speechgru.lm.corpus import Reader, Scratch
from speechgru.lm.estimate import Settings, fitted, make, write
from speechgru.lm.ngram import from_table

CONTEXTS = [
    "",
    "the",
    "the cat",
    "sat on the",
    "zzz",
    "mat zzz dog",
    "the cat saw the dog",
    "on the mat sat a",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with Scratch(tmp_path_factory.mktemp("scratch")) as scratch:
        yield estimate(counts(SENTENCES, 3, scratch))


def check_sums(made, tolerance=1e-5):
    for context in CONTEXTS:
        for begin in (True, False):
            assert sum_after(made, context.split(), begin) == pytest.approx(1, abs=tolerance)


def test_renormalising_a_whole_model_changes_nothing(model):
    again = renormalised(model)
    for k in range(3):
        np.testing.assert_allclose(again.prob[k], model.prob[k], atol=1e-9)
        np.testing.assert_allclose(again.backoff[k], model.backoff[k], atol=1e-6)


def test_importance_is_the_relative_entropy_of_leaving_one_out(model):
    """Stolcke's formula against the sum over all words, with one n-gram left out and the weight computed anew."""
    scores = importance(model)[2]
    words = model.counts.words
    events = model.counts.levels[0].counts.sum() - len(SENTENCES)
    before = weights_of(table(model))
    level, pairs = model.counts.levels[2], model.counts.levels[1]
    for row in range(0, len(level), 3):
        kept = model.kept[2].copy()
        kept[row] = False
        after = weights_of(table(renormalised(replace(model, kept=(*model.kept[:2], kept)))))
        pair = level.parent[row]
        context = (words[pairs.parent[pair]], words[pairs.word[pair]])
        share = pairs.counts[pair, 0] / events
        cost = 0.0
        for word in set(words) - {"<s>"}:
            p, q = back_off(before, context, word), back_off(after, context, word)
            cost += share * math.exp(p) * (p - q)
        assert scores[row] == pytest.approx(cost, rel=1e-3, abs=1e-7)


def test_importance_follows_the_weights_of_the_sources(tmp_path):
    """Of two sources, one ten times as long, each context counts by its share of either."""
    with Scratch(tmp_path) as scratch:
        reader = Reader(scratch)
        reader.add(SENTENCES * 10)
        reader.add(["we sat at sea"] * 4)
        made = estimate(count(reader.corpus(), 2, scratch))
        plain, same = importance(made)[1], importance(made, (1.0, 0.0, 0.0))[1]
        long, short, mean = (importance(made, (0.0, w, 1.0 - w))[1] for w in (1.0, 0.0, 0.25))
    np.testing.assert_allclose(plain, same)
    np.testing.assert_allclose(mean, 0.25 * long + 0.75 * short)
    words = made.counts.words
    level = made.counts.levels[1]
    sea = (level.parent == words.index("at")) & (level.word == words.index("sea"))
    assert long[sea] == 0 < plain[sea] < short[sea]


@pytest.mark.parametrize("threshold", [1e-3, 3e-3, 1e-2, 1.0])
def test_pruned_models_sum_to_one(model, threshold):
    pruned = prune(model, importance(model), threshold)
    made = table(pruned)
    assert sum(made.counts) < sum(table(model).counts)
    check_sums(from_table(made))


def test_all_that_is_left_out_leaves_single_words(model):
    made = table(prune(model, importance(model), math.inf))
    assert made.order == 1 and made.counts == [len(model.counts.words)]
    assert made.levels[0].prob == pytest.approx(model.prob[0])


def test_what_matters_more_stays_longer(model):
    scores = importance(model)
    few, many = (set(weights_of(table(prune(model, scores, t)))) for t in (1e-2, 1e-3))
    assert few < many < set(weights_of(table(model)))
    assert all(gram[:-1] in many for gram in many if len(gram) > 1)


def test_quantised_models_sum_to_one_but_for_the_weights_codes(model):
    made = table(quantised(model, 4))
    assert all(len(np.unique(level.prob)) <= 16 for level in made.levels)
    check_sums(from_table(made))  # the weights are exact here
    check_sums(from_table(made, bits=8), tolerance=0.02)


def test_a_codebook_is_exact_where_it_can_be_and_near_elsewhere():
    few = np.repeat(np.array([-1.5, -0.25, 0.0], np.float32), 5)
    codes, values = codebook(few, 2)
    assert (values[codes] == few).all()
    many = np.random.default_rng(1).normal(size=10_000).astype(np.float32)
    codes, values = codebook(many, 8)
    assert len(values) <= 256 and codes.max() < 256
    assert np.abs(values[codes] - many).mean() < 0.01
    assert (np.diff(values) > 0).all()
    assert [len(part) for part in codebook(many[:0], 8)] == [0, 0]


def test_equal_weights_get_equal_codes():
    weights = np.random.default_rng(2).integers(0, 40, 1000).astype(np.float32)
    codes, values = codebook(weights, 3)
    assert len(values) <= 8
    for weight in np.unique(weights):
        assert len(np.unique(codes[weights == weight])) == 1


@pytest.fixture(scope="module")
def text():
    generator = np.random.default_rng(3)
    words = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300)]
    share = 1 / np.arange(1, 301)
    return [" ".join(generator.choice(words, 12, p=share / share.sum())) for _ in range(2000)]


@pytest.mark.parametrize("size", [25_000, 60_000, 120_000])
def test_a_model_fits_the_size_and_uses_it(text, size, tmp_path):
    with Scratch(tmp_path) as scratch:
        reader = Reader(scratch)
        reader.add(text)
        made = make(reader.corpus(), Settings(max_size=size, discount_fallback=True), scratch)
        write(tmp_path / "model.slm", made, {}, 8)
    assert 0.6 * size < (tmp_path / "model.slm").stat().st_size <= size
    found = load(tmp_path / "model.slm")
    for context in ("", "waa", "wab waa", "waa waa waa"):
        assert sum_after(found, context.split(), True) == pytest.approx(1, abs=0.02)


def test_words_that_alone_are_too_large_are_named(text):
    with pytest.raises(LanguageModelError, match="--max-size"):
        lm.build(text, Settings(max_size=2000, discount_fallback=True))


def test_a_model_of_sentences_in_one_call():
    model = lm.build(["the cat sat", "the cat ran", "the dog ran"], Settings(order=2, discount_fallback=True))
    assert isinstance(model, lm.NGram) and model.order == 2
    assert sum_after(model, ["the"], True) == pytest.approx(1, abs=0.02)
    assert sum(model.score(["the", "cat"])) > sum(model.score(["the", "dog"]))
    assert {"NGram", "build", "load", "LanguageModel", "load_language_model"} <= set(dir(lm))


def test_an_unlimited_size_leaves_nothing_out(model):
    whole = fitted(model, Settings(max_size=10**9), lambda message: None)
    assert table(whole).counts == table(model).counts
