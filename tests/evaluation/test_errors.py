"""Where errors are: tables against hand counts."""

from __future__ import annotations

import re
from pathlib import Path

import beeps
import numpy as np
import pytest

from speechgru.audio import encode
from speechgru.data import Utterance
from speechgru.evaluation import errors, wer
from speechgru.evaluation.recognition import Row


def row(
    reference: str, hypothesis: str, speaker: str = "", seconds: float = 1.0, path: str = "none.wav"
) -> Row:
    (alignment,) = wer.align([reference], [hypothesis])
    return Row(Utterance(Path(path), seconds, reference, speaker), alignment)


def test_confusions_are_counted() -> None:
    rows = [row("the cat sat", "the hat sat on"), row("a cat", "a hat"), row("we sat", "we")]
    substituted, inserted, deleted = errors.confusions(rows)
    assert substituted == {("cat", "hat"): 2}
    assert (inserted, deleted) == ({"on": 1}, {"sat": 1})
    text = errors.to_markdown(rows)
    assert "| cat → hat (2) | on (1) | sat (1) |" in text


def test_by_length() -> None:
    rows = [row("a b", "a b", seconds=1.9), row("a b", "a c", seconds=2.0), row("a b c d", "", seconds=99.0)]
    text = errors.to_markdown(rows)
    assert (
        "| below 2 | 0.0 % | 2 | 1 |\n| 2 to 4 | 50.0 % | 2 | 1 |\n| 16 and more | 100.0 % | 4 | 1 |" in text
    )


def test_by_speaker_best_first() -> None:
    rows = [row("a b", "a c", "ben"), row("a b", "a b", "anna"), row("a b", "a b", "ben")]
    text = errors.to_markdown(rows)
    assert "| anna | 0.0 % | 2 | 1 |\n| ben | 25.0 % | 4 | 2 |" in text
    assert "speaker" not in errors.to_markdown([row("a", "b", "anna"), row("a", "a", "anna")])


def test_of_many_speakers_the_ends_are_shown() -> None:
    rows = [row("a b c d", " ".join("abcd"[: i % 5]), f"s{i:02}") for i in range(50)]
    text = errors.to_markdown(rows)
    assert "The 10 speakers with the fewest and the 10 with the most errors of 50:" in text
    assert len(re.findall(r"^\| s\d\d ", text, re.M)) == 20


@pytest.mark.parametrize(("noise", "expected"), [(1e-4, "40 and more"), (0.05, "10 to 20")])
def test_by_level(tmp_path: Path, noise: float, expected: str) -> None:
    path = tmp_path / "x.wav"
    pause = np.zeros(beeps.RATE, np.float32)
    signal = np.concatenate([pause, beeps.beep("see me", noise=0.0), pause])
    signal = signal + noise * np.random.default_rng(0).standard_normal(len(signal)).astype(np.float32)
    encode.write(path, signal.astype(np.float32), beeps.RATE)
    text = errors.to_markdown([row("see me", "see me", path=str(path), seconds=len(signal) / beeps.RATE)])
    assert f"| {expected} | 0.0 % | 2 | 1 |" in text


def test_nothing_to_break_down() -> None:
    assert errors.to_markdown([]) == ""
    assert "undefined" in errors.to_markdown([row("", "")])


def test_a_telephone_recording_is_measured_without_a_word(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    encode.write(tmp_path / "x.wav", np.resize(beeps.beep("see me"), 8000), 8000)
    assert "dB above the background" in errors.to_markdown([row("me", "me", path=str(tmp_path / "x.wav"))])
    assert not recwarn.list
