"""Leaving out the n-grams that matter least, and making probabilities sum to one again.

What an n-gram matters is the relative entropy between the model with and without it: Stolcke (1998),
"Entropy-based pruning of backoff language models", equations 3 to 6. A context's own probability is its share of
the text, not the model's: Kneser-Ney's lower orders say how a word continues other contexts, not how frequent it
is (Chelba et al. 2010, "Study on interaction between entropy pruning and Kneser-Ney smoothing").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speechgru.lm._kneser_ney import Estimate
from speechgru.lm.bit_packing import codebook
from speechgru.lm.table import BEGIN_ID, Level, Table

_TINY = 1e-12


def importance(model: Estimate, weights: Sequence[float] = ()) -> tuple[np.ndarray, ...]:
    """For each level float64 `[rows]`, ≥ 0: what leaving out a row costs, in nats a word of the text.

    Args:
        weights: of all text as one, then of each source: how much the text to come resembles each; none: all as one.

    A row counts at least as much as what goes on from it, so that those above any threshold are a model; single
    words are infinite (they always stay), rows that aren't kept 0.
    """
    levels = model.counts.levels
    events = levels[0].counts.sum(axis=0) - levels[0].counts[BEGIN_ID]
    share_of_one = np.full(len(events), (weights[0] if weights else 1.0) / events.sum())
    share_of_one += (
        np.divide(weights[1:], events, out=np.zeros(len(events)), where=events > 0) if weights else 0.0
    )
    scores: list[np.ndarray] = [np.full(len(levels[0]), np.inf)]
    for k in range(1, len(levels)):
        share = levels[k - 1].counts @ share_of_one
        scores.append(np.where(model.kept[k], _relative_entropy(model, k, share), 0.0))
    for k in range(len(levels) - 1, 1, -1):
        np.maximum.at(scores[k - 1], levels[k].parent, scores[k])
    return tuple(scores)


def prune(model: Estimate, scores: Sequence[np.ndarray], threshold: float) -> Estimate:
    """Keep the rows with `scores` (of `importance`) above `threshold`, in nats a word."""
    kept = [k & (s > threshold) for k, s in zip(model.kept[1:], scores[1:])]
    return renormalised(replace(model, kept=(model.kept[0], *kept)))


def renormalised(model: Estimate) -> Estimate:
    """The model whose back-off weights make each context's probabilities sum to one.

    The probabilities of kept rows stay, those of others become what backing off gives.
    """
    probs, backoffs = [model.prob[0]], []
    for k in range(1, len(model.prob)):
        level, kept = model.counts.levels[k], model.kept[k]
        lower = probs[-1][level.suffix]
        given, covered = _sums(model, k, model.prob[k], lower)
        weight = np.log(np.maximum(1.0 - given, _TINY) / np.maximum(1.0 - covered, _TINY))
        has_kept = np.bincount(level.parent, kept, minlength=len(weight)) > 0
        backoffs.append(np.where(has_kept, weight, 0.0))
        probs.append(np.where(kept, model.prob[k], backoffs[-1][level.parent] + lower))
    backoffs.append(np.zeros(len(probs[-1])))
    return replace(model, prob=tuple(probs), backoff=tuple(backoffs))


def quantised(model: Estimate, bits: int) -> Estimate:
    """Probabilities of at most `2**bits` different values an order, summing to one all the same."""
    probs = []
    for kept, prob in zip(model.kept, model.prob):
        codes, values = codebook(prob[kept], bits)
        prob = prob.copy()
        prob[kept] = values[codes]
        probs.append(prob)
    return renormalised(replace(model, prob=tuple(probs)))


def mixed(models: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """The linear interpolation of models of the same counts; `weights` sum to one."""
    assert all(m.counts is models[0].counts for m in models) and abs(sum(weights) - 1) < 1e-9
    kept = tuple(np.logical_or.reduce(k) for k in zip(*(m.kept for m in models)))
    probs = [
        np.log(sum(w * np.exp(p) for w, p in zip(weights, level))) for level in zip(*(m.prob for m in models))
    ]
    return renormalised(replace(models[0], kept=kept, prob=tuple(probs)))


def table(model: Estimate) -> Table:
    """The kept rows alone."""
    levels: list[Level] = []
    place = np.zeros(1, np.int64)
    for k, level in enumerate(model.counts.levels):
        kept = model.kept[k]
        parent = place[level.parent[kept]] if k else level.parent[kept]
        prob = np.minimum(model.prob[k][kept], 0.0).astype(np.float32)
        levels.append(Level(parent, level.word[kept], prob, model.backoff[k][kept].astype(np.float32)))
        place = np.cumsum(kept) - 1
    while len(levels) > 1 and not len(levels[-1]):
        levels.pop()
    return Table(model.counts.words, tuple(levels))


def _relative_entropy(model: Estimate, k: int, share: np.ndarray) -> np.ndarray:
    """Stolcke's D(p || p') of leaving out each row of level k, given each context's share of the text."""
    level = model.counts.levels[k]
    lower = model.prob[k - 1][level.suffix]
    given, covered = _sums(model, k, model.prob[k], lower)
    prob, context = np.exp(model.prob[k]), level.parent
    weight = np.log(
        np.maximum(1.0 - given[context] + prob, _TINY)
        / np.maximum(1.0 - covered[context] + np.exp(lower), _TINY)
    )
    change = weight - model.backoff[k - 1][context]
    moved = prob * (lower + weight - model.prob[k]) + change * np.maximum(1.0 - given[context], 0.0)
    loss: np.ndarray = np.maximum(-share[context] * moved, 0.0)
    return loss


def _sums(model: Estimate, k: int, prob: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each context of level k: the probability its kept rows have, and the one that backing off gives them."""
    level, kept = model.counts.levels[k], model.kept[k]
    contexts = len(model.counts.levels[k - 1])
    given = np.bincount(level.parent, np.where(kept, np.exp(prob), 0.0), minlength=contexts)
    return given, np.bincount(level.parent, np.where(kept, np.exp(lower), 0.0), minlength=contexts)
