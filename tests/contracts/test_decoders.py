"""What every decoder promises: every file of decoders/ is walked."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from speechgru.decoding import Hypothesis
from speechgru.decoding.hypothesis import words
from speechgru.errors import ConfigError
from speechgru.text import Vocabulary
from speechgru.utils import plugins

VOCABULARY = Vocabulary(("<blank>", " ", *"abcdefghijklmnopqrstuvwxyz"))
NAMES = plugins.names("decoding")


@pytest.fixture(params=NAMES)
def decoder(request: pytest.FixtureRequest) -> Any:
    module = plugins.find("decoding", request.param)
    return module.Decoder(module.Settings(), VOCABULARY)


def _certain(text: str, frames_each: int = 2) -> np.ndarray[Any, Any]:
    """Log-probabilities [frames, symbols] that leave no doubt: blanks between the letters."""
    path = [0] + [symbol for label in VOCABULARY.encode(text) for symbol in [label] * frames_each + [0]]
    matrix = np.full((len(path), len(VOCABULARY)), 0.001)
    matrix[np.arange(len(path)), path] = 1 - 0.001 * (len(VOCABULARY) - 1)
    return np.log(matrix).astype(np.float32)


def test_there_is_one() -> None:
    assert "greedy" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_a_frozen_dataclass_with_defaults(name: str) -> None:
    settings = plugins.find("decoding", name).Settings()
    assert dataclasses.is_dataclass(settings)
    assert type(settings).__dataclass_params__.frozen


@pytest.mark.slow
def test_certain_input_is_read_letter_by_letter(decoder: Any) -> None:
    found = decoder(_certain("hello all of you"))
    assert isinstance(found, Hypothesis)
    assert found.text == "hello all of you"


def test_tokens_have_frames_and_confidence(decoder: Any) -> None:
    matrix = _certain("see me")
    found = decoder(matrix)
    assert all(0 <= t.start < t.end <= len(matrix) for t in found.tokens)
    assert all(a.end <= b.start for a, b in pairwise(found.tokens))
    assert all(0.0 <= t.confidence <= 1.0 for t in found.tokens)
    assert found.score <= 0.0


def test_words_are_the_text(decoder: Any) -> None:
    generator = np.random.default_rng(1)
    for _ in range(20):
        logits = 3 * generator.standard_normal((50, len(VOCABULARY)))
        found = decoder(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
        assert " ".join(word.text for word in words(found, 0.04)) == found.text


@pytest.mark.parametrize("frames", [0, 1, 40])
def test_only_blanks_is_an_empty_text(decoder: Any, frames: int) -> None:
    matrix = np.full((frames, len(VOCABULARY)), -20.0, np.float32)
    matrix[:, 0] = -1e-6
    assert decoder(matrix).text == ""


def test_spaces_are_single_and_inside(decoder: Any) -> None:
    path = [1, 0, 1, 2, 1, 0, 1, 3, 0, 1, 1]  # spaces at both ends, and two with a blank between
    spaced = np.full((len(path), len(VOCABULARY)), np.log(0.001))
    spaced[np.arange(len(path)), path] = np.log(0.97)
    assert decoder(spaced).text == "a b"


def test_a_tensor_says_the_same_as_an_array(decoder: Any) -> None:
    matrix = _certain("hello there")
    assert decoder(torch.from_numpy(matrix)) == decoder(matrix)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (1, 5, len(VOCABULARY))])
def test_another_shape_is_refused(decoder: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="shape"):
        decoder(np.zeros(shape))


def test_alternatives_where_there_are_any(decoder: Any) -> None:
    if not hasattr(decoder, "nbest"):
        pytest.skip("this decoder has one answer only")
    generator = np.random.default_rng(2)
    logits = generator.standard_normal((30, len(VOCABULARY)))
    matrix = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    found = decoder.nbest(matrix, 5)
    assert found[0] == decoder(matrix)
    assert len({hypothesis.text for hypothesis in found}) == 5
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
