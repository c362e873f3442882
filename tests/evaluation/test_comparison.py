"""Paired comparison: against SciPy's and a plain loop, and on sets whose answer is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.data import Utterance
from speechgru.errors import SpeechGruError
from speechgru.evaluation import compare, wer
from speechgru.evaluation.comparison import MIN_PAIRS, matched_pairs
from speechgru.evaluation.recognition import Evaluation, Row


def evaluation(errors: list[int], words: int = 10, speakers: int = 0, prefix: str = "u") -> Evaluation:
    """Utterances of `words` words, of which the first `errors` are wrong."""
    reference = [f"{chr(97 + i)}" for i in range(words)]
    references = [" ".join(reference)] * len(errors)
    hypotheses = [" ".join(["zz"] * wrong + reference[wrong:]) for wrong in errors]
    rows = tuple(
        Row(Utterance(Path(f"{prefix}{i}.wav"), 1.0, "", f"s{i % speakers}" if speakers else ""), alignment)
        for i, alignment in enumerate(wer.align(references, hypotheses))
    )
    return Evaluation(wer.summarise([row.alignment for row in rows]), 1.0, 1.0, rows)


def test_a_model_against_itself_is_not_distinguishable() -> None:
    one = evaluation([1, 2, 3, 0] * 20)
    result = compare(one, one)
    assert (result.difference, result.interval, result.p) == (0.0, (0.0, 0.0), 1.0)
    assert result.verdict == "not distinguishable"


def test_one_error_less_everywhere_is_better() -> None:
    first, second = evaluation([2, 3, 4] * 20, speakers=12), evaluation([1, 2, 3] * 20, speakers=12)
    result = compare(first, second)
    assert result.first == pytest.approx(0.3) and result.second == pytest.approx(0.2)
    assert result.difference == pytest.approx(-0.1)
    assert result.interval == (pytest.approx(-0.1), pytest.approx(-0.1))
    assert (result.interval_over, result.second_better, result.p) == ("speakers", 1.0, 0.0)
    assert result.verdict == "the second is better"
    assert compare(second, first).verdict == "the first is better"


def test_noise_is_no_difference() -> None:
    generator = np.random.default_rng(0)
    first, second = (evaluation(generator.integers(0, 6, 80).tolist()) for _ in range(2))
    result = compare(first, second)
    assert result.interval[0] < 0 < result.interval[1]
    assert result.p is not None and result.p > 0.05
    assert result.verdict == "not distinguishable"


def test_the_interval_is_a_plain_bootstraps() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.integers(0, 6, 60), generator.integers(0, 5, 60)
    result = compare(evaluation(a.tolist()), evaluation(b.tolist()))
    means = [(b - a)[generator.integers(0, 60, 60)].mean() / 10 for _ in range(4000)]
    assert result.interval == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=0.004)


def test_speakers_are_drawn_whole() -> None:
    """All of the difference comes from one speaker of twelve, so the interval must reach 0."""
    errors = [0] * 120
    better = [5 if i % 12 == 0 else 0 for i in range(120)]
    assert compare(evaluation(better), evaluation(errors)).verdict == "the second is better"
    blocked = compare(evaluation(better, speakers=12), evaluation(errors, speakers=12))
    assert blocked.interval_over == "speakers"
    assert blocked.verdict == "not distinguishable"


@given(st.lists(st.integers(-5, 5), min_size=MIN_PAIRS, max_size=80))
def test_matched_pairs_is_a_z_test(differences: list[int]) -> None:
    from scipy import stats

    values = np.array(differences, dtype=float)
    found = matched_pairs(differences)
    if values.std() == 0:
        assert found == (1.0 if values[0] == 0 else 0.0)
    else:
        z = stats.ttest_1samp(values, 0.0).statistic
        assert found == pytest.approx(2 * stats.norm.sf(abs(z)), abs=1e-12)


def test_few_utterances_have_no_p() -> None:
    assert compare(evaluation([1, 2]), evaluation([1, 1])).p is None
    assert matched_pairs([1.0] * (MIN_PAIRS - 1)) is None


def test_one_utterance_has_no_interval() -> None:
    result = compare(evaluation([3]), evaluation([1]))
    assert all(math.isnan(bound) for bound in result.interval)
    assert result.verdict == "not distinguishable"
    assert result.to_dict()["interval"] == [None, None]


def test_only_common_utterances_count() -> None:
    result = compare(evaluation([1, 2, 3, 9]), evaluation([1, 2, 3]))
    assert (result.utterances, result.difference) == (3, 0.0)
    with pytest.raises(SpeechGruError, match="no utterance in common"):
        compare(evaluation([1]), evaluation([1], prefix="other"))
