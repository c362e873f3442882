"""A hybrid model judges and places words that a CTC model found: the packaged ones, on real speech."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from speechgru.alignment import Aligner, load_aligner
from speechgru.alignment.hybrid import LEAST, Judge, Place, Said, _ratio, _rows
from speechgru.alignment.text import align_emissions
from speechgru.audio import read
from speechgru.audio.array import Sound
from speechgru.errors import CheckpointError
from speechgru.inference.emissions import Posteriors, posteriors
from speechgru.utils.assets import ASSETS

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@cache
def _aligner() -> Aligner:
    return load_aligner()


def _emissions(source: Sound | str) -> Posteriors:
    verifier = _aligner().verifier
    assert verifier is not None
    return posteriors(_aligner().recognizer, source, log_mel=verifier.log_mel)


def test_rows_of_words_end_at_pauses_and_after_ten() -> None:
    said = [Said("a", start, start + 0.2) for start in [*np.arange(0, 6, 0.5).tolist(), 7.5]]
    assert _rows(said) == [range(10), range(10, 12), range(12, 13)]
    assert _rows([]) == []


def test_a_ratio_says_nothing_where_nothing_fits() -> None:
    assert _ratio(-np.inf, -np.inf) == 0
    assert _ratio(-np.inf, -3.0) == LEAST
    assert _ratio(-1.0, -3.0) == 2


@pytest.mark.slow
def test_the_default_models_and_others() -> None:
    aligner = _aligner()
    assert aligner.verifier is not None and aligner.recognizer.model == "english"
    assert load_aligner("english-small").verifier is None
    with pytest.raises(CheckpointError):
        load_aligner("no-such-model")


@pytest.mark.slow
def test_words_of_the_sample_are_likelier_than_any_phones_and_others_are_not() -> None:
    aligner, emissions = _aligner(), _emissions(str(ASSETS / "sample.flac"))
    assert aligner.verifier is not None
    text = (ASSETS / "sample.txt").read_text(encoding="utf-8")
    judge = Judge(aligner.verifier, emissions.pieces, emissions.job.duration)
    found = align_emissions(aligner.recognizer, emissions, text, judge)
    words = found.transcript.words
    assert not found.missing and not found.replaced and judge.is_fitted
    plain = [word.text.lower().strip(".") for word in words]
    for i in range(1, len(words) - 1):
        place = words[i - 1].start, words[i + 1].end
        right = judge.ratios(Place(plain[i - 1], plain[i], plain[i + 1], place, place))
        wrong = judge.ratios(Place(plain[i - 1], "zebras", plain[i + 1], place, place))
        assert right[0] > -4 and right[0] > wrong[0] + 5 and right[2] > wrong[2], plain[i]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::speechgru.errors.AudioWarning")
def test_joined_digits_are_placed_to_twenty_milliseconds() -> None:
    folder = Path(os.environ.get("SPEECHGRU_DATA", "")) / "speech/free-spoken-digit-dataset/recordings"
    if not os.environ.get("SPEECHGRU_DATA") or not folder.is_dir():
        pytest.skip("no $SPEECHGRU_DATA with the Free Spoken Digit Dataset")
    margin = np.random.default_rng(0).normal(0, 1e-4, 8000).astype(np.float32)
    errors: list[float] = []
    for speaker, digits in (("george", "34720169"), ("jackson", "58201374"), ("lucas", "90413752")):
        parts = [read(folder / f"{d}_{speaker}_{3 + i}.wav", 16000) for i, d in enumerate(digits)]
        emissions = _emissions(Sound(np.concatenate([margin, *parts, margin])))
        text = " ".join(DIGITS[int(d)] for d in digits)
        (units,) = align_emissions(_aligner().recognizer, emissions, text, _aligner().verifier).lines
        joins = 0.5 + np.cumsum([0, *map(len, parts)]) / 16000
        for unit, start, end in zip(units, joins[:-1], joins[1:], strict=True):
            if unit.word is not None and unit.is_spoken:
                errors += [abs(unit.word.start - start), abs(unit.word.end - end)]
    assert len(errors) > 40 and np.median(errors) <= 0.02
