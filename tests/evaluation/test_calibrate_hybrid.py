"""What a hybrid model's file learns from dev speech, with a recognizer that says what the test wants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from speechgru.data import Utterance
from speechgru.evaluation import calibrate_hybrid
from speechgru.evaluation.calibrate_hybrid import Calibrator, Sample
from speechgru.evaluation.calibrate_parts import Options
from speechgru.inference.gate import Gate
from speechgru.mmi.search import Weights
from speechgru.text.normalize import ENGLISH
from speechgru.transcript import Word


class Passes:
    """Reads a number from its outputs: right where the language model weighs 1.2; wrong words are unsure."""

    def __init__(self) -> None:
        self.weights = Weights(lm=0.9)

    def read(self, outputs: NDArray[Any], weights: Weights) -> Any:
        number = int(outputs[0, 0])
        spoilt = number % 3 == 0 or (weights.lm != 1.2 and number % 2 == 0)
        return SimpleNamespace(
            text="one two six" if spoilt else "one two three", confidences=(0.9, 0.9, 0.3 if spoilt else 0.8)
        )


class Recognizer:
    sample_rate, normaliser = 16000, ENGLISH

    def __init__(self) -> None:
        self.passes, self.gate = Passes(), Gate(min_confidence=0.0)

    def words(self, result: Any) -> tuple[Word, ...]:
        pairs = zip(result.text.split(), result.confidences)
        return tuple(Word(text, i, i + 0.9, sure) for i, (text, sure) in enumerate(pairs))


def samples(numbers: Sequence[int]) -> list[Sample]:
    return [
        Sample(Utterance(Path("x"), 3.0, "one two three", id=str(n)), np.full((1, 1), n, np.float16))
        for n in numbers
    ]


@pytest.fixture
def work() -> Calibrator:
    header: Any = SimpleNamespace(calibration=None)
    recognizer: Any = Recognizer()
    options = Options(noise=tuple(Path(str(i)) for i in range(20)))
    return Calibrator(
        recognizer, header, options, lambda *_: None, samples(range(60)), samples(range(100, 160))
    )


def test_the_search_gets_the_weights_with_fewest_errors(work: Calibrator) -> None:
    part = work.search()
    assert part.entries["search"]["lm"] == 1.2 == work.recognizer.passes.weights.lm
    assert "after" in part.lines[-1]


def test_weights_that_are_no_better_are_left(work: Calibrator) -> None:
    work.recognizer.passes.weights = Weights(lm=1.2)
    assert work.search().entries == {}


def test_confidences_become_probabilities(work: Calibrator) -> None:
    work.recognizer.passes.weights = Weights(lm=1.2)
    part = work.confidence()
    assert part.entries["calibration"]["mean"] >= 0
    assert part.lines[0].startswith("bias")


def test_the_gate_silences_noise(work: Calibrator, monkeypatch: pytest.MonkeyPatch) -> None:
    unsure = (Word("huh", 0.0, 1.0, 0.2),)
    monkeypatch.setattr(calibrate_hybrid.Calibrator, "_noise", lambda *_: [unsure])
    part = work.gate()
    assert not work.recognizer.gate.accepts(unsure)
    assert part.entries["gate"]["min_confidence"] > 0.2
    assert "100.0% after" in part.lines[1]


def test_without_noise_the_gate_is_left(work: Calibrator) -> None:
    work.options = Options()
    assert work.gate().entries == {}
