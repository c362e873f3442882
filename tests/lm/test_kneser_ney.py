"""Estimates against a second implementation, and what every probability distribution owes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_models import SENTENCES, KneserNey, corpus, counts, sum_after, weights_of

from speechgru.lm._counts import count
from speechgru.lm._kneser_ney import FALLBACK, estimate
from speechgru.lm._prune import mixed, table
from speechgru.lm.corpus import Scratch
from speechgru.lm.ngram import from_table

TEXTS = st.lists(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9).map(" ".join), min_size=1, max_size=30
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    with Scratch(tmp_path_factory.mktemp("scratch")) as made:
        yield made


def check(sentences, order, cutoffs, scratch):
    """Every n-gram, and every word after every context of the text."""
    known = KneserNey(sentences, order, cutoffs)
    model = estimate(counts(sentences, order, scratch), cutoffs=cutoffs)
    made = weights_of(table(model))
    kept = {g for g in known.kept if len(g) > 1}
    assert {g for g in made if len(g) > 1} == kept
    for gram, (prob, _) in made.items():
        if gram != ("<s>",):
            assert math.exp(prob) == pytest.approx(known.probability(gram[:-1], gram[-1]), rel=1e-4)
    packed = from_table(table(model))
    for sentence in [*sentences[:5], "zz a zz b a", "h h h h"]:
        words = sentence.split()
        history = ("<s>",)
        for word, score in zip([*words, "</s>"], packed.score(words)):
            context = history[-(order - 1) :] if order > 1 else ()
            word = word if word in known.vocabulary else "<unk>"
            assert math.exp(score) == pytest.approx(known.probability(context, word), rel=1e-4)
            history += (word,)


@settings(max_examples=40)
@given(TEXTS, st.integers(1, 4))
def test_estimates_agree_with_a_second_implementation(scratch, sentences, order):
    check(sentences, order, (), scratch)


@settings(max_examples=30)
@given(TEXTS, st.sampled_from([(0, 0, 1), (0, 1), (0, 1, 2), (0, 0, 0, 1)]))
def test_so_do_estimates_with_cutoffs(scratch, sentences, cutoffs):
    check(sentences, 4, cutoffs, scratch)


def test_real_discounts_are_used_where_there_is_enough_text(scratch):
    model = estimate(counts(SENTENCES, 3, scratch))
    assert model.discounts[1] == pytest.approx(KneserNey(SENTENCES, 3).discounts[1][1:])
    assert model.discounts[1] != FALLBACK
    assert estimate(counts(["a b"], 2, scratch)).discounts == (FALLBACK, FALLBACK)


@pytest.mark.parametrize("cutoffs", [(), (0, 0, 1)])
def test_probabilities_sum_to_one(scratch, cutoffs):
    model = from_table(table(estimate(counts(SENTENCES, 4, scratch), cutoffs=cutoffs)))
    for sentence in ["", "the", "the cat", "sat on the", "zzz", "mat zzz dog", "the cat saw the dog"]:
        for begin in (True, False):
            assert sum_after(model, sentence.split(), begin) == pytest.approx(1, abs=1e-5)


@settings(max_examples=30)
@given(TEXTS, st.integers(1, 40), st.integers(1, 4))
def test_runs_on_disk_count_as_one_in_memory(sentences, run, order):
    with Scratch(in_memory=0) as scratch:
        one = counts(sentences, order, scratch)
        many = counts(sentences, order, scratch, run)
        for k, (a, b) in enumerate(zip(one.levels, many.levels)):
            for x, y in zip(vars(a).values(), vars(b).values()):
                assert (x == y).all()
            # A sentence of n words has n + 2 - k n-grams of k + 1, with its beginning and end.
            assert a.counts.sum() == sum(max(0, len(s.split()) + 2 - k) for s in sentences)


def test_rare_words_are_one_unknown_word(scratch):
    text = ["a b", "a c", "a a"]
    made = corpus(text, scratch, min_count=2)
    assert made.words == ("<unk>", "<s>", "</s>", "a")
    assert (made.unknown, made.n_words, made.sentences) == (2, 6, 3)
    known = KneserNey(["a <unk>", "a <unk>", "a a"], 2)
    weights = weights_of(table(estimate(count(made, 2, scratch))))
    assert math.exp(weights[("a", "<unk>")][0]) == pytest.approx(known.probability(("a",), "<unk>"))


def test_a_mixture_is_the_weighted_mean_of_its_parts(tmp_path):
    from speechgru.lm.corpus import Reader

    with Scratch(tmp_path) as scratch:
        reader = Reader(scratch)
        reader.add(SENTENCES[:6])
        reader.add(SENTENCES[6:])
        both = count(reader.corpus(), 3, scratch)
        parts = [estimate(both, source) for source in (0, 1)]
        mix = weights_of(table(mixed(parts, [0.3, 0.7])))
        alone = [KneserNey(part, 3) for part in (SENTENCES[:6], SENTENCES[6:])]
        for known in alone:
            known.vocabulary |= {w for s in SENTENCES for w in s.split()}
        for gram, (prob, _) in mix.items():
            if gram != ("<s>",):
                expected = [known.probability(gram[:-1], gram[-1]) for known in alone]
                assert math.exp(prob) == pytest.approx(0.3 * expected[0] + 0.7 * expected[1], rel=1e-4)
        model = from_table(table(mixed(parts, [0.3, 0.7])))
        for context in ("", "the", "on the", "it was", "zz"):
            assert sum_after(model, context.split(), True) == pytest.approx(1, abs=1e-5)
