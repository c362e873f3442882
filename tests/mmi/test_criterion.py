"""Denominator and numerator against sums over all paths, one by one, and finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from speechgru.mmi import criterion, denominator, dense, graph, numerator, phone_ngram, tying
from speechgru.mmi.lexicon import SILENCE, Lexicon

PHONES = 3
LEXICON = Lexicon(("SIL", "A", "B"), {"ab": ((1, 2), (2,)), "a": ((1,),)})
TEXTS = [(0, 1, 2, 0), (1, 2, 1), (0, 2, 1, 1, 0), (2, 0, 1)]


def setting(frames: int, seed: int = 0) -> tuple[NDArray[np.float32], phone_ngram.PhoneGram, tying.Tying]:
    """Random outputs of a phone trigram whose contexts share some of them."""
    draw = np.random.default_rng(seed)
    enter = np.array([[0, 2, 4], [0, 6, 4], [0, 2, 8]], np.int32)
    outputs = draw.normal(size=(frames, 10)).astype(np.float32)
    return outputs, phone_ngram.estimate(TEXTS, PHONES), tying.Tying(enter, enter + 1)


def all_paths(
    outputs: NDArray[np.float32], gram: phone_ngram.PhoneGram, ties: tying.Tying, leak: float
) -> float:
    """The denominator, path by path: a state and whether it was entered, for each frame."""
    pairs = itertools.product(range(PHONES), repeat=2)
    states = [(left, p) for left, p in pairs if p != SILENCE or left == SILENCE]
    total = 0.0
    for path in itertools.product(states, repeat=len(outputs)):
        for entered in itertools.product((True, False), repeat=len(outputs) - 1):
            chance = float(gram.start[path[0]]) * math.exp(outputs[0, ties.enter[path[0]]])
            for t, fresh in enumerate(entered, start=1):
                before, here = path[t - 1], path[t]
                if fresh:
                    follows = here[0] == before[1] or here[1] == SILENCE
                    arc = float(gram.next[before[1], before[0], here[1]]) if follows else 0.0
                    chance *= 0.5 * arc + leak * float(gram.share[here])
                    chance *= math.exp(outputs[t, ties.enter[here]])
                else:
                    chance *= 0.5 * math.exp(outputs[t, ties.stay[here]]) if here == before else 0.0
            total += chance
    return math.log(total)


@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_denominator_is_the_sum_over_all_paths(leak: float) -> None:
    outputs, gram, ties = setting(3)
    total, _ = denominator.occupation(outputs, gram, ties, leak)
    assert total == pytest.approx(all_paths(outputs, gram, ties, leak), rel=1e-5)


def slopes(function, outputs: NDArray[np.float32], step: float = 1e-2) -> NDArray[np.float64]:
    """Finite differences of a function of outputs."""
    slopes = np.zeros(outputs.shape)
    for at in np.ndindex(outputs.shape):
        more, less = outputs.copy(), outputs.copy()
        more[at] += step
        less[at] -= step
        slopes[at] = (function(more) - function(less)) / (2 * step)
    return slopes


@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_occupation_is_the_gradient(leak: float) -> None:
    outputs, gram, ties = setting(6)
    _, gradient = denominator.occupation(outputs, gram, ties, leak)
    expected = slopes(lambda z: denominator.occupation(z, gram, ties, leak)[0], outputs)
    np.testing.assert_allclose(gradient, expected, atol=2e-3)
    np.testing.assert_allclose(gradient.sum(axis=1), 1, rtol=1e-4)


def test_a_leak_makes_excluded_texts_possible() -> None:
    outputs, gram, ties = setting(2)
    only = gram._replace(next=np.zeros_like(gram.next))
    outputs[:] = 0
    without, _ = denominator.occupation(outputs, only, ties, 0.0)
    assert denominator.occupation(outputs, only, ties, 0.2)[0] > without


def test_numerator_is_the_sum_over_the_paths_of_a_text() -> None:
    outputs, gram, ties = setting(5)
    made = graph.build("ab a", LEXICON)
    assert made
    text = numerator.weighted(made, gram)
    total, gradient = numerator.occupation(outputs, text, ties)
    assert total == pytest.approx(paths_of(outputs, text, ties), rel=1e-5)
    expected = slopes(lambda z: numerator.occupation(z, text, ties)[0], outputs)
    np.testing.assert_allclose(gradient, expected, atol=2e-3)
    np.testing.assert_allclose(gradient.sum(axis=1), 1, rtol=1e-4)


def paths_of(outputs: NDArray[np.float32], text: graph.Graph, ties: tying.Tying) -> float:
    """The numerator, path by path."""

    def after(t: int, state: int, score: float) -> float:
        if t == len(outputs):
            return math.exp(score + float(text.end[state]))
        stay = ties.stay[text.left[state], text.phone[state]]
        total = after(t + 1, state, score + math.log(0.5) + float(outputs[t, stay]))
        for target in range(len(text.phone)):
            for k in range(text.first[target], text.first[target + 1]):
                if text.source[k] == state:
                    enter = ties.enter[text.left[target], text.phone[target]]
                    step = math.log(0.5) + float(text.weight[k]) + float(outputs[t, enter])
                    total += after(t + 1, target, score + step)
        return total

    starts = np.flatnonzero(np.isfinite(text.start))
    first = (ties.enter[text.left[s], text.phone[s]] for s in starts)
    return math.log(
        sum(after(1, int(s), float(text.start[s] + outputs[0, o])) for s, o in zip(starts, first))
    )


def test_a_text_is_never_likelier_than_all_texts() -> None:
    outputs, gram, ties = setting(8, seed=3)
    made = graph.build("ab a", LEXICON)
    assert made
    text = numerator.weighted(made, gram._replace(next=np.maximum(gram.next, numerator.UNSAID)))
    smooth = gram._replace(next=np.maximum(gram.next, numerator.UNSAID), start=np.maximum(gram.start, 1e-4))
    assert numerator.occupation(outputs, text, ties)[0] < denominator.occupation(outputs, smooth, ties, 0)[0]


def test_too_few_frames_for_a_text() -> None:
    outputs, gram, ties = setting(1)
    made = graph.build("ab a", LEXICON)
    assert made
    total, gradient = numerator.occupation(outputs, numerator.weighted(made, gram), ties)
    assert total == -math.inf and not gradient.any()


def test_words_that_cannot_be_said_have_no_graph() -> None:
    assert graph.build("zebra", LEXICON) is None
    assert graph.build("", LEXICON) is None


def test_torch_and_the_compiled_loops_agree_on_ragged_batches() -> None:
    _, gram, ties = setting(1)
    outputs = torch.randn(3, 9, 10, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([9, 4, 1])
    totals, gradient = dense.occupation(outputs, lengths, gram, ties, 0.01)
    for row, size in enumerate(lengths.tolist()):
        total, expected = denominator.occupation(outputs[row, :size].numpy(), gram, ties, 0.01)
        assert float(totals[row]) == pytest.approx(total, rel=1e-4)
        np.testing.assert_allclose(gradient[row, :size], expected, atol=1e-4)
        assert not gradient[row, size:].any()


def test_objective_of_a_batch_and_its_gradient() -> None:
    _, gram, ties = setting(1)
    outputs = torch.randn(2, 8, 10, generator=torch.Generator().manual_seed(1), requires_grad=True)
    lengths, language = torch.tensor([8, 1]), criterion.Language(gram, ties, 0.01)
    texts = [numerator.weighted(made, gram) for made in [graph.build("ab a", LEXICON)] * 2 if made]
    value, frames = criterion.objective(outputs, lengths, texts, language)
    assert frames == 8  # the second is too short for its text
    (2 * value).backward()
    assert outputs.grad is not None
    row = outputs[0].detach().numpy()
    numerators, every = (
        numerator.occupation(row, texts[0], ties),
        denominator.occupation(row, gram, ties, 0.01),
    )
    assert float(value.detach()) == pytest.approx(numerators[0] - every[0], rel=1e-4)
    np.testing.assert_allclose(outputs.grad[0], 2 * (numerators[1] - every[1]), atol=1e-4)
    assert not outputs.grad[1].any()
