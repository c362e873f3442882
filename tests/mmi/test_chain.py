"""Stretches that hand each other scores: against a graph's Viterbi, and against all paths one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from speechgru.mmi import graph, tying, viterbi
from speechgru.mmi.chain import Chain
from speechgru.mmi.lexicon import Lexicon

PHONES = ("SIL", "A", "B", "C")
WAYS = {"ab": ((1, 2),), "a": ((1,), (3,)), "cab": ((3, 1, 2), (3, 2))}
FRAMES = 9


def _outputs(seed: int, frames: int = FRAMES) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (frames, TIES.outputs)).astype(np.float32)


def _ties() -> tying.Tying:
    """Every phone in every context has outputs of its own; silence has one pair."""
    number = np.arange(16, dtype=np.int32).reshape(4, 4)
    number[:, 0] = 0
    return tying.Tying(2 * number, 2 * number + 1)


TIES = _ties()
CHAIN = Chain(TIES, np.zeros((4, 4), np.float32))


@pytest.mark.parametrize("seed", range(5))
def test_words_and_pauses_are_as_likely_as_the_graph_has_them(seed: int) -> None:
    outputs = _outputs(seed)
    table = CHAIN.begin(FRAMES)
    for word in ("ab", "a", "cab"):
        table = CHAIN.word(outputs, WAYS[word], CHAIN.pause(outputs, table))
    text = graph.build("ab a cab", Lexicon(PHONES, dict(WAYS)))
    assert text is not None
    free = [np.where(w == np.float32(graph.NO_PAUSE), 0, w) for w in (text.weight, text.start, text.end)]
    text = text._replace(weight=free[0], start=free[1], end=free[2])
    enter, stay = TIES.enter[text.left, text.phone], TIES.stay[text.left, text.phone]
    _, score = viterbi.align(outputs, enter, stay, text)
    assert CHAIN.score(CHAIN.pause(outputs, table)) == pytest.approx(float(score), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_anything_is_the_best_of_all_rows_of_phones(seed: int) -> None:
    frames = 4
    outputs = _outputs(seed, frames)
    bigram = np.random.default_rng(seed + 9).normal(-1, 1, (4, 4)).astype(np.float32)
    bigram[0, 0] = -1e9
    best = -math.inf
    for phones in itertools.product(range(4), repeat=frames):
        for enters in itertools.product((True, False), repeat=frames - 1):
            score, left, before = 0.0, 0, 0
            for t, (phone, new) in enumerate(zip(phones, (True, *enters), strict=True)):
                if not new and phone != before:
                    score = -math.inf
                elif new:
                    left = before
                    score += bigram[left, phone] + outputs[t, TIES.enter[left, phone]]
                else:
                    score += outputs[t, TIES.stay[left, phone]]
                before = phone
            best = max(best, score)
    chain = Chain(TIES, bigram)
    found = chain.score(chain.anything(outputs, chain.begin(frames)))
    assert found == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("word", WAYS)
def test_no_word_is_likelier_than_free_phones_that_cost_nothing(word: str) -> None:
    outputs = _outputs(7)
    begin = CHAIN.begin(FRAMES)
    assert CHAIN.score(CHAIN.word(outputs, WAYS[word], begin)) <= CHAIN.score(CHAIN.anything(outputs, begin))


def test_nothing_may_stand_in_for_anything_and_too_few_frames_have_no_path() -> None:
    outputs = _outputs(1, 1)
    assert CHAIN.anything(outputs, CHAIN.begin(1))[0, 0] == 0
    assert CHAIN.score(CHAIN.word(outputs, WAYS["ab"], CHAIN.begin(1))) == -math.inf
