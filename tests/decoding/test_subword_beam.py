"""The search over pieces of words, against the sum over all paths of all texts."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechgru.decoding import greedy
from speechgru.decoding.hypothesis import words
from speechgru.decoding.settings import BeamSettings
from speechgru.decoding.subword_beam import Decoder, fold
from speechgru.errors import ConfigError
from speechgru.lm import NGram, load
from speechgru.text.subwords import Subwords, joined

ARPA = """\\data\\
ngram 1=6
ngram 2=4

\\1-grams:
-1.5 <unk>
-99 <s> -0.3
-0.9 </s>
-0.6 at -0.2
-0.8 cat -0.4
-1.1 a -0.1

\\2-grams:
-0.2 <s> cat
-0.4 cat at
-0.3 at </s>
-0.7 a cat

\\end\\
"""
# "at" and " at" can be spelt in several ways; " " is a piece of its own.
VOCABULARY = Subwords(("<blank>", " c", "at", " ", "a", "t", " at"))


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> NGram:
    path = tmp_path_factory.mktemp("lm") / "small.arpa"
    Path(path).write_text(ARPA)
    return load(path)


def emissions(frames: int, seed: int, symbols: int = len(VOCABULARY)) -> np.ndarray[Any, Any]:
    matrix = np.random.default_rng(seed).normal(0, 1.5, (frames, symbols))
    return matrix - np.logaddexp.reduce(matrix, axis=1, keepdims=True)


def all_texts(matrix: np.ndarray[Any, Any]) -> dict[str, float]:
    """Every text with the natural log of the probability of all its paths."""
    sums: dict[str, float] = {}
    for path in itertools.product(range(matrix.shape[1]), repeat=len(matrix)):
        labels = [k for k, _ in itertools.groupby(path) if k]
        text = " ".join("".join(VOCABULARY.symbols[k] for k in labels).split())
        prob = math.exp(sum(matrix[t, k] for t, k in enumerate(path)))
        sums[text] = sums.get(text, 0.0) + prob
    return {text: math.log(prob) for text, prob in sums.items()}


def worth(text: str, settings: BeamSettings, lm: NGram | None) -> float:
    """What the formula adds to a text's paths."""
    spelt = text.split()
    total = settings.word_bonus * len(spelt)
    if lm is not None:
        total += settings.lm_weight * sum(lm.score(spelt))
        for word in spelt:
            if lm.index(word) == 0 and word not in settings.hotwords:
                total += settings.unknown_word + len(word) * settings.unknown_letter
    for phrase in settings.hotwords:
        total += settings.hotword_weight * spelt.count(phrase) * len(phrase)
    return total


WIDE: dict[str, Any] = {"beam": 10**6, "beam_threshold": 1e9, "token_threshold": -1e9}
CASES: dict[str, tuple[bool, dict[str, Any]]] = {
    "no model": (False, {}),
    "bonus": (False, {"word_bonus": 0.8}),
    "language model": (
        True,
        {"lm_weight": 1.3, "unknown_word": -1.0, "unknown_letter": -0.2, "look_ahead": 0.7},
    ),
    "hotword": (False, {"hotwords": ("at",), "hotword_weight": 0.7}),
    "all": (
        True,
        {"hotwords": ("tat", "at"), "hotword_weight": 0.6, "word_bonus": -0.3, "unknown_word": -2.0},
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("with_lm", "changes"), CASES.values(), ids=CASES)
def test_it_finds_the_best_of_all_texts(lm: NGram, with_lm: bool, changes: dict[str, Any], seed: int) -> None:
    matrix, settings = emissions(4, seed), BeamSettings(**WIDE, **changes)
    model = lm if with_lm else None
    scores = {text: value + worth(text, settings, model) for text, value in all_texts(matrix).items()}
    found = Decoder(settings, VOCABULARY, model).nbest(matrix, 20)
    ranked = sorted(scores, key=lambda text: -scores[text])[:20]
    assert [h.text for h in found] == ranked
    assert [h.score for h in found] == pytest.approx([scores[text] for text in ranked], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_tokens_spell_the_text_over_their_frames(seed: int) -> None:
    matrix = emissions(30, seed)
    found = Decoder(BeamSettings(), VOCABULARY)(matrix)
    assert " ".join(joined(t.symbol for t in found.tokens).split()) == found.text
    assert all(0 <= t.start < t.end <= 30 for t in found.tokens)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found.tokens))
    for token in found.tokens:
        own = matrix[token.start : token.end, VOCABULARY.symbols.index(token.symbol)]
        assert token.confidence == pytest.approx(math.exp(own.max()))
    assert [w.text for w in words(found, 0.04)] == found.text.split()


def certain(path: list[int]) -> np.ndarray[Any, Any]:
    matrix = np.full((len(path), len(VOCABULARY)), 1e-4)
    matrix[np.arange(len(path)), path] = 1 - 1e-4 * (len(VOCABULARY) - 1)
    return np.log(matrix)


def test_what_is_certain_is_that_of_greedy_decoding() -> None:
    matrix = certain([0, 1, 1, 0, 2, 6, 6, 0, 6, 0])
    found = Decoder(BeamSettings(), VOCABULARY)(matrix)
    best = greedy.Decoder(greedy.Settings(), VOCABULARY)(matrix)
    assert found.text == best.text == "cat at at"
    assert [(t.symbol, t.start, t.end) for t in found.tokens] == [
        (t.symbol, t.start, t.end) for t in best.tokens
    ]


def test_a_hotword_in_capitals_with_punctuation_counts() -> None:
    vocabulary = Subwords(("<blank>", " G", "RU", ",", " gr", "ew", "."))
    matrix = np.full((4, 7), -12.0)
    for frame, row in enumerate(
        [[(1, 0.4), (4, 0.6)], [(2, 0.4), (5, 0.6)], [(3, 0.9), (0, 0.1)], [(0, 1.0)]]
    ):
        for symbol, prob in row:
            matrix[frame, symbol] = math.log(prob)
    assert Decoder(BeamSettings(), vocabulary)(matrix).text == "grew,"
    favoured = Decoder(BeamSettings(hotwords=("gru",), hotword_weight=2.0), vocabulary)
    assert favoured(matrix).text == "GRU,"


def test_nothing_comes_of_no_frames() -> None:
    found = Decoder(BeamSettings(), VOCABULARY)(np.zeros((0, len(VOCABULARY))))
    assert (found.text, found.tokens) == ("", ())


@pytest.mark.parametrize("shape", [(5, 3), (5,), (2, 3, 7)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"expected \[frames, 7\]"):
        Decoder(BeamSettings(), VOCABULARY)(np.zeros(shape))


def test_what_cant_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="no 'z'"):
        Decoder(BeamSettings(hotwords=("zat",)), VOCABULARY)
    with pytest.raises(ConfigError, match="pieces of words"):
        Decoder(BeamSettings(prior=(-1.0,) * 7), VOCABULARY)
    with pytest.raises(ConfigError, match="NaN"):
        Decoder(BeamSettings(), VOCABULARY)(np.full((2, 7), np.nan))


def test_folding() -> None:
    assert [fold(c) for c in ("A", "'", "–", " ", "é", "5")] == ["a", "'", "", " ", "é", "5"]
