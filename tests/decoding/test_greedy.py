"""Greedy CTC against a literal reading of its definition, symbol by symbol."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgru.decoding.greedy import Decoder, Settings
from speechgru.decoding.hypothesis import Token
from speechgru.errors import ConfigError
from speechgru.text import Vocabulary

VOCABULARY = Vocabulary(("<blank>", " ", "a", "b", "c"))
DECODER = Decoder(Settings(), VOCABULARY)


def _log_probs(path: list[int], confidence: list[float] | None = None) -> np.ndarray[Any, Any]:
    """Frames whose best symbol is `path[t]` with probability `confidence[t]`, the others sharing the rest."""
    sure = np.array(confidence if confidence is not None else [0.8] * len(path))
    matrix = np.repeat(((1 - sure) / (len(VOCABULARY) - 1))[:, None], len(VOCABULARY), axis=1)
    matrix[np.arange(len(path)), path] = sure
    return np.log(np.maximum(matrix, 1e-30))


def _literal(matrix: np.ndarray[Any, Any]) -> list[Token]:
    """The definition, one frame after the other."""
    tokens: list[Token] = []
    previous = 0
    for t, row in enumerate(matrix):
        best = int(np.argmax(row))
        probability = math.exp(row[best])
        if best != 0 and best == previous:
            last = tokens[-1]
            tokens[-1] = Token(last.symbol, last.start, t + 1, max(last.confidence, probability))
        elif best != 0:
            tokens.append(Token(VOCABULARY.symbols[best], t, t + 1, probability))
        previous = best
    return tokens


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.3, 1.0)), max_size=60))
def test_equals_the_definition(frames: list[tuple[int, float]]) -> None:
    matrix = _log_probs([s for s, _ in frames], [p for _, p in frames]).reshape(-1, len(VOCABULARY))
    found = DECODER(matrix)
    expected = _literal(matrix)
    assert [(t.symbol, t.start, t.end) for t in found.tokens] == [
        (t.symbol, t.start, t.end) for t in expected
    ]
    assert [t.confidence for t in found.tokens] == pytest.approx([t.confidence for t in expected])
    assert found.score == pytest.approx(sum(matrix.max(axis=1)), abs=1e-6)
    assert found.text == " ".join("".join(t.symbol for t in expected).split())


def test_a_blank_separates_double_letters_and_a_run_is_one_letter() -> None:
    found = DECODER(_log_probs([2, 2, 0, 2, 3, 3, 0, 0, 1, 4]))
    assert found.text == "aab c"
    assert [(t.start, t.end) for t in found.tokens] == [(0, 2), (3, 4), (4, 6), (8, 9), (9, 10)]


def test_spaces_are_tidied_in_the_text_and_kept_among_the_tokens() -> None:
    found = DECODER(_log_probs([1, 2, 1, 0, 1, 3, 1]))
    assert found.text == "a b"
    assert "".join(t.symbol for t in found.tokens) == " a  b "


@pytest.mark.parametrize("path", [[], [0, 0, 0]])
def test_nothing_said(path: list[int]) -> None:
    found = DECODER(_log_probs(path).reshape(-1, len(VOCABULARY)))
    assert (found.text, found.tokens) == ("", ())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_tensors_of_any_kind(dtype: torch.dtype) -> None:
    tensor = torch.from_numpy(_log_probs([2, 0, 3])).to(dtype).requires_grad_()
    assert DECODER(tensor).text == "ab"


@pytest.mark.parametrize("shape", [(5,), (5, 4), (5, 6), (1, 5, 5)])
def test_a_wrong_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"expected \[frames, 5\]"):
        DECODER(np.zeros(shape))


def test_an_hour_takes_no_time() -> None:
    generator = np.random.default_rng(0)
    path = np.where(generator.random(90_000) < 0.6, 0, generator.integers(1, 5, 90_000))
    matrix = _log_probs(path.tolist())
    started = time.perf_counter()
    found = DECODER(matrix)
    assert len(found.tokens) > 10_000
    assert time.perf_counter() - started < 2.0


def test_greedy_loads_no_other_search_no_dictionary_and_no_language_model() -> None:
    code = (
        "import sys\nfrom speechgru.utils import plugins\nplugins.find('decoding', 'greedy')\n"
        "print(*(name for name in sys.modules if name.startswith('speechgru.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    inside = {name.removeprefix("speechgru.decoding") for name in loaded if ".decoding" in name}
    assert inside == {"", ".greedy", ".hypothesis", ".settings"}
    assert not [name for name in loaded if name.split(".")[1] in {"lexicon", "lm"}]
