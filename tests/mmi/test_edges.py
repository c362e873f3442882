"""Mean edges of words, against all paths one by one."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.mmi import edges, graph, three_states
from speechgru.mmi.lexicon import Lexicon

LEXICON = Lexicon(("SIL", "A", "B"), {"a": ((1,),), "b": ((2,), (2, 1))})


def test_edges_are_the_mean_of_all_paths() -> None:
    frames = 9
    scores = np.random.default_rng(3).normal(0, 4, (frames, 9)).astype(np.float32)
    text = graph.build("a b", LEXICON)
    assert text is not None
    whole = three_states.expand(edges._reluctant(text))
    which = three_states.states(whole)
    arcs = {
        (int(whole.source[k]), s): float(whole.weight[k])
        for s in range(len(which))
        for k in range(whole.first[s], whole.first[s + 1])
    }
    total, sums = 0.0, np.zeros((2, 2))

    def walk(t: int, s: int, score: float, path: list[int]) -> None:
        nonlocal total
        score += float(edges.SCALE) * float(scores[t, which[s]])
        path = [*path, s]
        if t == frames - 1:
            if not np.isfinite(whole.end[s]):
                return
            weight = np.exp(score + whole.end[s])
            total += weight
            for word in range(2):
                inside = np.flatnonzero(whole.word[path] == word)
                sums[word] += weight * np.array([inside[0], inside[-1] + 1])
            return
        walk(t + 1, s, score, path)
        for (source, target), weight in arcs.items():
            if source == s:
                walk(t + 1, target, score + weight, path)

    for s in np.flatnonzero(np.isfinite(whole.start)).tolist():
        walk(0, s, float(whole.start[s]), [])
    np.testing.assert_allclose(edges.edges(scores, text), sums / total, atol=1e-3)


def test_sure_scores_give_the_edges_to_the_frame() -> None:
    states = [0] * 6 + [3] * 4 + [4] * 3 + [5] * 5 + [6] * 4 + [7] * 4 + [8] * 4 + [1] * 4 + [2] * 2
    scores = np.full((len(states), 9), -200, np.float32)
    scores[np.arange(len(states)), states] = 0
    scores[:6, 1:3] = scores[-6:, 0] = 0  # silences have three states too
    text = graph.build("a b", LEXICON)
    assert text is not None
    found = edges.edges(scores, text)
    np.testing.assert_allclose(found, [[6, 18], [18, 30]], atol=0.01)


@pytest.mark.parametrize("frames", [1, 5])
def test_too_few_frames_have_no_edges(frames: int) -> None:
    text = graph.build("a b", LEXICON)
    assert text is not None
    assert edges.edges(np.zeros((frames, 9), np.float32), text) is None
