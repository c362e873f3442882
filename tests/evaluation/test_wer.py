"""Error rates against known counts, against a second implementation, and the interval's behaviour."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru.errors import SpeechGruError
from speechgru.evaluation import wer
from speechgru.text import english
from speechgru.utils import bootstrap

WORDS = st.lists(st.sampled_from(["a", "bee", "cat's", "dog"]), max_size=6).map(" ".join)


def levenshtein(reference, hypothesis) -> int:
    """The second implementation: one row of the table at a time."""
    row = list(range(len(hypothesis) + 1))
    for i, r in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, h in enumerate(hypothesis, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (r != h))
    return row[-1]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected", "aligned"),
    [
        ("the cat sat", "the cat sat", (3, 0, 0, 0), "the cat sat"),
        ("the cat sat", "the hat sat", (3, 1, 0, 0), "the (cat>hat) sat"),
        ("the cat sat", "the cat sat down", (3, 0, 1, 0), "the cat sat (+down)"),
        ("the cat sat", "cat", (3, 0, 0, 2), "(-the) cat (-sat)"),
        ("the cat sat", "", (3, 0, 0, 3), "(-the) (-cat) (-sat)"),
        ("", "oh no", (0, 0, 2, 0), "(+oh) (+no)"),
        ("", "", (0, 0, 0, 0), ""),
    ],
)
def test_known_counts(reference, hypothesis, expected, aligned):
    (alignment,) = wer.align([reference], [hypothesis])
    assert dataclasses.astuple(alignment.words) == expected
    assert alignment.aligned == aligned


def test_rates_are_pooled_not_averaged():
    result = wer.score(["a", "a b c d e f g h i"], ["b", "a b c d e f g h i"])
    assert result.wer == pytest.approx(1 / 10)


def test_characters_include_the_spaces_between_words():
    result = wer.score(["ab cd"], ["abcd"])
    assert (result.characters.total, result.characters.deletions, result.cer) == (5, 1, 0.2)


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS)
def test_counts_agree_with_a_second_implementation(reference, hypothesis):
    (alignment,) = wer.align([reference], [hypothesis])
    for counts, ref, hyp in (
        (alignment.words, reference.split(), hypothesis.split()),
        (alignment.characters, reference, hypothesis),
    ):
        assert counts.errors == levenshtein(ref, hyp)
        assert counts.total == len(ref)
        assert counts.insertions - counts.deletions == len(hyp) - len(ref)


def test_both_sides_are_normalised_and_the_normaliser_is_named():
    result = wer.score(["Mr. Smith's 2 CATS!"], ["mr SMITH’S two cats"])
    assert result.wer == 0
    assert result.normaliser == english.NORMALISER


def test_perfect_score():
    result = wer.score(["a b", "c d e"], ["a b", "c d e"])
    assert (result.wer, result.cer, result.interval, result.cer_interval) == (0, 0, (0, 0), (0, 0))


def test_empty_reference_counts_insertions_beside_others():
    result = wer.score(["", "a b c d"], ["oh no", "a b c d"])
    assert (result.words.insertions, result.words.total, result.wer) == (2, 4, 0.5)


def test_without_any_reference_word_the_rate_is_undefined_but_insertions_count():
    result = wer.score(["", ""], ["oh no", ""])
    assert math.isnan(result.wer)
    assert math.isnan(result.interval[0])
    assert result.words.insertions == 2
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["wer"] is None


def test_one_utterance_has_no_interval():
    assert all(math.isnan(bound) for bound in wer.score(["a b"], ["a c"]).interval)


def test_nothing_to_score():
    with pytest.raises(SpeechGruError, match="nothing to score"):
        wer.score([], [])


@pytest.mark.parametrize(("hypotheses", "speakers"), [(["a"], None), (["a", "b"], ["s"])])
def test_lengths_must_match(hypotheses, speakers):
    with pytest.raises(SpeechGruError, match=r"Got .*1 (hypotheses|speakers)"):
        wer.score(["a", "b"], hypotheses, speakers)


def random_set(speakers: int, per_speaker: int, seed: int, spread: float = 0.25):
    """References of 10 words; a speaker's own error rate is uniform in 0.3 ± spread."""
    rng = np.random.default_rng(seed)
    rates = np.repeat(rng.uniform(0.3 - spread, 0.3 + spread, speakers), per_speaker)
    wrong = rng.random((len(rates), 10)) < rates[:, None]
    hypotheses = [" ".join("x" if w else "a" for w in row) for row in wrong]
    return (
        ["a a a a a a a a a a"] * len(rates),
        hypotheses,
        [str(s // per_speaker) for s in range(len(rates))],
    )


@pytest.mark.parametrize(("speakers", "over"), [(9, "utterances"), (10, "speakers")])
def test_resamples_speakers_only_where_there_are_enough(speakers, over):
    result = wer.score(*random_set(speakers, 3, seed=0))
    assert (result.interval_over, result.speakers, result.utterances) == (over, speakers, 3 * speakers)


def test_resamples_utterances_where_a_speaker_is_unknown():
    references, hypotheses, speakers = random_set(12, 2, seed=0)
    assert wer.score(references, hypotheses, ["", *speakers[1:]]).interval_over == "utterances"
    assert wer.score(references, hypotheses).interval_over == "utterances"


def test_interval_holds_the_point_and_repeats_with_its_seed():
    data = random_set(20, 5, seed=3)
    first, second, other = (wer.score(*data, seed=seed) for seed in (1, 1, 2))
    assert first.interval[0] < first.wer < first.interval[1]
    assert first.cer_interval[0] < first.cer < first.cer_interval[1]
    assert first == second
    assert first.interval != other.interval


def test_resampling_speakers_sees_that_their_utterances_go_together():
    references, hypotheses, speakers = random_set(20, 30, seed=1)
    by_speaker = wer.score(references, hypotheses, speakers).interval
    by_utterance = wer.score(references, hypotheses).interval
    assert by_speaker[1] - by_speaker[0] > 2 * (by_utterance[1] - by_utterance[0])


def test_interval_has_the_width_that_theory_gives():
    references, hypotheses, _ = random_set(2000, 1, seed=5, spread=0.0)
    low, high = wer.score(references, hypotheses, samples=2000).interval
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(0.3 * 0.7 / 20_000), rel=0.1)


def test_interval_agrees_with_a_literal_bootstrap_over_speakers():
    references, hypotheses, speakers = random_set(12, 4, seed=6)
    wrong = np.array([h.split().count("x") for h in hypotheses]).reshape(12, 4)
    rng = np.random.default_rng(0)
    rates = [wrong[rng.integers(0, 12, 12)].sum() / (12 * 4 * 10) for _ in range(4000)]
    result = wer.score(references, hypotheses, speakers, samples=4000)
    assert result.interval == pytest.approx(np.percentile(rates, [2.5, 97.5]), abs=0.006)


def test_interval_covers_the_true_rate_about_as_often_as_it_says():
    hits = 0
    for seed in range(60):
        low, high = wer.score(*random_set(30, 2, seed), samples=300).interval
        hits += low <= 0.3 <= high
    assert 50 <= hits <= 60  # 95 % of 60 is 57; a percentile bootstrap of 30 speakers covers a little less


def test_chunked_resampling_equals_one_piece(monkeypatch):
    data = random_set(15, 2, seed=4)
    whole = wer.score(*data, samples=10)
    monkeypatch.setattr(bootstrap, "_MAX_CELLS", 60)
    assert wer.score(*data, samples=10) == whole


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
def test_any_set_has_a_consistent_score(pairs):
    references, hypotheses = zip(*pairs, strict=True)
    result = wer.score(references, hypotheses, samples=50)
    assert result.words.total == sum(len(r.split()) for r in references)
    if result.words.total:
        assert result.wer == result.words.errors / result.words.total
        assert math.isnan(result.interval[0]) or result.interval[0] <= result.interval[1]
    json.dumps(result.to_dict(), allow_nan=False)
