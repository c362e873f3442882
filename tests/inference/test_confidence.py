"""Confidence as a probability: the arithmetic, that it is monotone, how it is measured, and where it is kept."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from beeps import LETTER_SECONDS, PAUSE_SECONDS, RATE, TONE_SECONDS, beep, recognizer, save_checkpoint
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import CheckpointError
from speechgru.evaluation.calibration_error import auc, calibration_error, measure, reliability
from speechgru.inference import load_recognizer
from speechgru.inference.confidence import Calibration, features
from speechgru.inference.word_times import Times
from speechgru.models import checkpoint
from speechgru.transcript import Word

PLAIN = Calibration(bias=-0.5, mean=0.9, doubt=0.6, least=1.1, letters=-0.3, errors=1.2)
CONFIDENCES = st.lists(st.floats(0, 1), min_size=1, max_size=12)
WEIGHTS = st.floats(0, 20)
CALIBRATIONS = st.builds(
    Calibration,
    bias=st.floats(-20, 20),
    mean=WEIGHTS,
    doubt=WEIGHTS,
    least=WEIGHTS,
    letters=st.floats(-5, 5),
    errors=WEIGHTS,
)


def test_by_hand() -> None:
    letters = (0.9, 0.4)
    mean = math.sqrt(0.9 * 0.4)
    assert features(letters) == pytest.approx(
        (math.log(mean), -math.log(1 - mean), math.log(0.4), math.log(2))
    )
    score = -0.5 + 0.9 * math.log(mean) - 0.6 * math.log(1 - mean) + 1.1 * math.log(0.4) - 0.3 * math.log(2)
    assert PLAIN.probability(letters) == pytest.approx(1 / (1 + math.exp(-score)))


def test_equal_weights_of_mean_and_doubt_change_nothing() -> None:
    same = Calibration(bias=0.0, mean=1.0, doubt=1.0, least=0.0, letters=0.0, errors=1.0)
    assert [same.probability([c]) for c in (0.1, 0.5, 0.93)] == pytest.approx([0.1, 0.5, 0.93])


@given(CALIBRATIONS, CONFIDENCES, st.data())
def test_a_surer_letter_never_makes_a_word_less_sure(calibration, confidences, data) -> None:
    index = data.draw(st.integers(0, len(confidences) - 1))
    surer = list(confidences)
    surer[index] = data.draw(st.floats(confidences[index], 1))
    before, after = calibration.probability(confidences), calibration.probability(surer)
    assert 0.0 <= before <= 1.0
    assert after >= before - 1e-9


def test_expected_wer_counts_the_doubt() -> None:
    words = [Word("a", 0, 1, 0.9), Word("b", 1, 2, 0.5)]
    assert PLAIN.expected_wer(words) == pytest.approx(1.2 * (0.1 + 0.5) / 2)
    assert PLAIN.expected_wer([]) is None


# ------------------------------------------------------------------------------------------- measures


def test_calibration_error_by_hand() -> None:
    sure = [0.95, 0.2, 0.85, 0.6, 0.4, 0.1]
    right = [1, 0, 0, 1, 1, 0]
    # Sorted and cut in three: (0.1, 0.2) none right, (0.4, 0.6) both right, (0.85, 0.95) one right.
    assert calibration_error(sure, right, bins=3) == pytest.approx((0.15 + 0.5 + 0.4) / 3)
    table = reliability(sure, right, bins=3)
    assert [(b.count, b.accuracy) for b in table] == [(2, 0.0), (2, 1.0), (2, 0.5)]
    assert [b.confidence for b in table] == pytest.approx([0.15, 0.5, 0.9])


def test_bins_hold_as_many_words_as_one_another_and_every_word_once() -> None:
    generator = np.random.default_rng(0)
    sure = generator.random(103)
    table = reliability(sure, sure > 0.5)
    assert sorted(b.count for b in table) == [10] * 7 + [11] * 3
    assert sum(b.count * b.confidence for b in table) == pytest.approx(sure.sum())


def test_what_is_calibrated_has_little_error_and_what_is_too_sure_has_much() -> None:
    generator = np.random.default_rng(1)
    chance = generator.random(20_000)
    right = generator.random(20_000) < chance
    assert calibration_error(chance, right) < 0.02
    assert calibration_error(np.sqrt(chance), right) > 0.1


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    generator = np.random.default_rng(2)
    sure, right = generator.integers(0, 8, 60) / 8, generator.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in sure[right] for b in sure[~right]]
    assert auc(sure, right) == pytest.approx(np.mean(pairs))
    assert auc([0.1, 0.9], [0, 1]) == 1.0
    assert math.isnan(auc([0.1, 0.9], [1, 1]))


def test_expected_and_real_error_rates_are_compared_file_by_file() -> None:
    found = measure([(0.9, True), (0.2, False)], [(0.1, 0.2, 30), (0.3, 0.3, 10), (0.2, 0.4, 10)])
    assert (found.words, found.files) == (2, 3)
    assert found.expected_wer == pytest.approx((0.1 * 30 + 0.3 * 10 + 0.2 * 10) / 50)
    assert found.mean_absolute_error == pytest.approx(0.1)
    assert found.correlation == pytest.approx(np.corrcoef([0.1, 0.3, 0.2], [0.2, 0.3, 0.4])[0, 1])
    assert list(found.describe()) == ["confidence", "expected WER"]


def test_without_anything_to_measure_nothing_is_said() -> None:
    found = measure([], [])
    assert found.describe() == {}
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["auc"] is None
    assert math.isnan(measure([], [(0.1, 0.2, 3)]).correlation)


# ------------------------------------------------------------------------------------- in a recognizer


def test_a_recognizer_calibrates_after_its_gate() -> None:
    heard = recognizer()
    raw = heard.transcribe(beep("hi all"), RATE)
    assert raw.expected_wer is None
    heard.calibration = Calibration(bias=-9.0, mean=1.0, doubt=0.0, least=0.0, letters=0.0, errors=1.5)
    found = heard.transcribe(beep("hi all"), RATE)
    # Far below any gate, which only saw what the decoder said.
    assert [word.confidence for word in found.words] == pytest.approx(
        [heard.calibration.probability([0.9] * n) for n in (2, 3)]
    )
    assert found.text == raw.text == "hi all"
    assert found.expected_wer == pytest.approx(1.5 * (1 - np.mean([w.confidence for w in found.words])))
    assert heard.transcribe(np.zeros(RATE, np.float32), RATE).expected_wer is None


def test_a_recognizer_corrects_times_by_the_sound_it_heard() -> None:
    heard = recognizer()
    heard.times = Times(start=0.0, end=0.0, reach=0.2, quiet=0.3)
    for shift in (0.0, 0.02):
        found = heard.transcribe(np.concatenate([np.zeros(round(shift * RATE)), beep("hi |all")]), RATE)
        said = 0.3 + shift + 5 * LETTER_SECONDS + PAUSE_SECONDS + TONE_SECONDS
        assert found.words[0].start == pytest.approx(0.3 + shift, abs=0.011)
        assert found.words[-1].end == pytest.approx(said, abs=0.011)


def _with_header(path: Path, **more: object) -> Path:
    loaded = checkpoint.load(save_checkpoint(path))
    checkpoint.save(path, loaded.kind, {**loaded.header, **more}, loaded.tensors)
    return path


def test_a_model_brings_a_calibration_for_each_decoder(tmp_path: Path) -> None:
    own = _with_header(tmp_path / "own.safetensors", confidence={"greedy": vars(PLAIN)})
    assert load_recognizer(own).calibration == PLAIN
    other = _with_header(tmp_path / "other.safetensors", confidence={"beam": vars(PLAIN)})
    assert load_recognizer(other).calibration is None
    assert load_recognizer(save_checkpoint(tmp_path / "none.safetensors")).calibration is None


@pytest.mark.parametrize(
    "stored",
    [
        {"greedy": {**vars(PLAIN), "mean": -1}},
        {"greedy": {**vars(PLAIN), "bias": "high"}},
        {"greedy": {**vars(PLAIN), "bias": float("nan")}},
        {"greedy": {**vars(PLAIN), "slope": 1}},
        {"beam": {"bias": 1.0}},
        {"greedy": 0.5},
        vars(PLAIN),
        [0.5],
        None,
    ],
)
def test_a_damaged_calibration_is_refused(tmp_path: Path, stored: object) -> None:
    bad = _with_header(tmp_path / "bad.safetensors", confidence=stored)
    with pytest.raises(CheckpointError, match="damaged header"):
        load_recognizer(bad)
