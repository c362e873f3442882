"""The search over tied states against all texts, scored one by one; alignment against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speechgru.lm import NGram
from speechgru.lm import estimate as lm_build
from speechgru.lm.corpus import Reader, Scratch
from speechgru.lm.ngram import from_table
from speechgru.mmi import graph, lattice, search, tree, tying, viterbi
from speechgru.mmi.lexicon import Lexicon

LEXICON = Lexicon(
    ("SIL", "A", "B", "C"), {"ab": ((1, 2),), "ba": ((2, 1), (2, 3)), "c": ((3,),), "abc": ((1, 2, 3),)}
)
SENTENCES = ["ab c", "ba ab", "c c ba", "abc", "ab ba c", "abc ba"]


@pytest.fixture(scope="module")
def lm() -> NGram:
    with Scratch() as scratch:
        reader = Reader(scratch)
        reader.add(SENTENCES)
        return from_table(
            lm_build.make(reader.corpus(), lm_build.Settings(order=2, discount_fallback=True), scratch)
        )


def ties() -> tying.Tying:
    """Every context its own outputs."""
    number = np.arange(16, dtype=np.int32).reshape(4, 4)
    number[:, 0] = 0
    return tying.Tying(2 * number, 2 * number + 1)


def best_path(outputs: np.ndarray, text: str) -> float:
    """Score of a text's best alignment; silences cost nothing."""
    made = graph.build(text, LEXICON)
    assert made
    enter, stay = (table[made.left, made.phone] for table in ties())
    free = made._replace(
        weight=np.zeros_like(made.weight), start=np.where(np.isfinite(made.start), 0, -np.inf)
    )
    free = free._replace(start=free.start.astype(np.float32), end=np.where(np.isfinite(made.end), 0, -np.inf))
    return viterbi.align(outputs, enter, stay, free._replace(end=free.end.astype(np.float32)))[1]


@pytest.mark.parametrize("seed", range(6))
def test_search_finds_the_best_text(lm: NGram, seed: int) -> None:
    outputs = 2 * np.random.default_rng(seed).normal(size=(7, 32)).astype(np.float32)
    ways = tree.pronunciations(lm.words, 3, LEXICON)
    uniform = np.array([lm.score([word], begin=False, end=False)[0] for word in lm.words])
    walked = tree.build(ways, uniform, ties())
    weights = search.Weights(width=5000, beam=100.0, lm=0.7, word=-0.3)
    reached = search.search(outputs, walked, lm.arrays.frozen(), lm.start, weights)
    score, arcs = reached.score, reached.arcs[lattice.best(reached)]
    words, ends = arcs["word"], arcs["end"]
    scores = {}
    for count in (1, 2, 3):
        for words_of in itertools.product(LEXICON.words, repeat=count):
            text = " ".join(words_of)
            worth = 0.7 * sum(lm.score(list(words_of))) - 0.3 * count
            scores[text] = best_path(outputs, text) + worth
    best = max(scores, key=scores.__getitem__)
    assert " ".join(lm.words[word] for word in words) == best
    assert score == pytest.approx(scores[best], abs=1e-3)
    assert list(ends) == sorted(ends) and ends[-1] <= len(outputs)
    assert (arcs["begin"] < ends).all() and (arcs["begin"][1:] >= ends[:-1]).all()


def test_alignment_is_the_best_path() -> None:
    outputs = np.random.default_rng(1).normal(size=(5, 32)).astype(np.float32)
    made = graph.build("ba", LEXICON)
    assert made
    enter, stay = (table[made.left, made.phone] for table in ties())
    arcs = {(-1, s): made.start[s] for s in range(len(enter))}
    for target in range(len(enter)):
        for k in range(made.first[target], made.first[target + 1]):
            arcs[int(made.source[k]), target] = made.weight[k]
    scores = {}
    for path in itertools.product(range(len(enter)), repeat=5):
        total, before = 0.0, -1
        for t, state in enumerate(path):
            if state == before:
                total += outputs[t, stay[state]]
            else:
                total += arcs.get((before, state), -np.inf) + outputs[t, enter[state]]
            before = state
        scores[path] = total + made.end[before]
    path, score = viterbi.align(outputs, enter, stay, made)
    assert score == pytest.approx(max(scores.values()), abs=1e-4)
    assert tuple(path) == max(scores, key=scores.__getitem__)


def test_too_few_frames_have_no_alignment() -> None:
    made = graph.build("abc ab", LEXICON)
    assert made
    path, score = viterbi.align(np.zeros((2, 32), np.float32), made.phone, made.phone, made)
    assert len(path) == 0 and score == -np.inf


def test_rare_contexts_are_tied() -> None:
    draw = np.random.default_rng(0)
    counts = np.array([[0, 50, 3.0], [0, 40, 60], [0, 0, 70]])
    sums = counts[:, :, None] * draw.normal(size=(3, 3, 5))
    ties_of_contexts = tying.tie(counts, sums, most=100, least=10)
    assert ties_of_contexts.enter[0, 2] in (ties_of_contexts.enter[1, 2], ties_of_contexts.enter[2, 2])
    assert len(set(ties_of_contexts.enter[:, 0].tolist())) == 1
    assert (ties_of_contexts.stay == ties_of_contexts.enter + 1).all()
    few = tying.tie(counts, sums, most=3, least=10)
    assert few.outputs == 6


def test_a_narrow_beam_finds_something(lm: NGram) -> None:
    outputs = np.random.default_rng(0).normal(size=(9, 32)).astype(np.float32)
    ways = tree.pronunciations(lm.words, 3, LEXICON)
    walked = tree.build(ways, np.full(len(lm.words), -2.0), ties())
    weights = search.Weights(width=1, beam=5.0)
    assert len(lattice.best(search.search(outputs, walked, lm.arrays.frozen(), lm.start, weights))) <= 9


def test_habits_decide_between_words_that_sound_alike(lm: NGram) -> None:
    alike = Lexicon(
        LEXICON.phones, {"ab": ((1, 2), (2, 1)), "ba": ((2, 1),), "c": ((3,),), "abc": ((1, 2, 3),)}
    )
    habits = {("ab", (2, 1)): -20.0}
    enter = ties().enter
    outputs = np.full((2, 32), -5.0, np.float32)
    outputs[0, enter[0, 2]] = outputs[1, enter[2, 1]] = 5.0
    uniform = np.full(len(lm.words), -2.0)
    walked = tree.build(tree.pronunciations(lm.words, 3, alike, habits), uniform, ties())
    reached = search.search(outputs, walked, lm.arrays.frozen(), lm.start, search.Weights(beam=50.0))
    assert [lm.words[word] for word in reached.arcs["word"][lattice.best(reached)]] == ["ba"]


def test_a_word_that_gains_wins_with_another_id(lm: NGram) -> None:
    """The language model doesn't know it: it has the unknown word's id there, and a place of its own."""
    lexicon = Lexicon(LEXICON.phones, {**LEXICON.words, "cb": ((3, 2),)})
    words = (*lm.words, "cb")
    ids = np.array([*range(len(lm.words)), 0])
    outputs = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)
    for gain, wins in ((-50.0, False), (50.0, True)):
        ways = tree.pronunciations(words, 3, lexicon)
        walked = tree.build(ways, np.full(len(words), -2.0), ties(), ids, {len(words) - 1: gain})
        reached = search.search(
            outputs, walked, lm.arrays.frozen(), lm.start, search.Weights(width=5000, beam=200.0)
        )
        assert (len(words) - 1 in reached.arcs["word"][lattice.best(reached)]) is wins


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_posteriors_are_those_of_all_paths(lm: NGram, scale: float) -> None:
    outputs = np.random.default_rng(3).normal(size=(6, 32)).astype(np.float32)
    walked = tree.build(tree.pronunciations(lm.words, 3, LEXICON), np.full(len(lm.words), -2.0), ties())
    reached = search.search(outputs, walked, lm.arrays.frozen(), lm.start, search.Weights(beam=30.0))
    arcs, last = reached.arcs, reached.nodes - 1
    mass: dict[int, float] = {}
    paths = [((), 0, 0.0)]
    while paths:
        path, node, score = paths.pop()
        if node == last:
            for arc in path:
                mass[arc] = mass.get(arc, 0.0) + float(np.exp(scale * score))
            mass[-1] = mass.get(-1, 0.0) + float(np.exp(scale * score))
        for number, arc in enumerate(arcs):
            source = arcs["node"][arc["before"]] if arc["before"] >= 0 else 0
            if source == node:
                begun = arcs["score"][arc["before"]] if arc["before"] >= 0 else 0.0
                paths.append(((*path, number), arc["node"], score + float(arc["score"] - begun)))
    expected = [mass.get(number, 0.0) / mass[-1] for number in range(len(arcs))]
    np.testing.assert_allclose(lattice.posteriors(reached, scale), expected, atol=1e-4)
    best = lattice.best(reached)
    sure = lattice.confidences(reached, best, scale)
    assert (sure >= np.array(expected)[best] - 1e-4).all() and (sure <= 1).all()
