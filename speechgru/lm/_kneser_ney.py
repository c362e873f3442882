"""Interpolated modified Kneser-Ney smoothing.

Chen and Goodman (1998), "An empirical study of smoothing techniques for language modeling", section 3; the same
estimates as KenLM's lmplz (Heafield et al. 2013), down to what the paper leaves open:

* n-grams below the highest order count the different words before them, except those that begin with `<s>`, which
  count their occurrences;
* discounts come from the counts of counts of each order (equation 26), before any n-gram is cut off; where the text
  is too small or odd for that, they are `FALLBACK`;
* what n-grams that are cut off would have got goes to their context's back-off weight;
* single words are interpolated with equal shares of all words but `<s>`: the share of `<unk>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgru.lm._counts import CountLevel, Counts
from speechgru.lm.table import BEGIN_ID, NEVER

FALLBACK = (0.5, 1.0, 1.5)


@dataclass(frozen=True)
class Estimate:
    """A model on the rows of its `Counts`, before n-grams are left out.

    kept: for each level bool `[rows]`. prob, backoff: for each level float64 `[rows]`, natural logs; `prob` is
    p(word | context) for every row, kept or not, `backoff` 0 where nothing is kept that goes on from the row.
    discounts: for each level what is taken from counts 1, 2 and more. faults: order, and why the text gives none,
    for those that have FALLBACK.
    """

    counts: Counts
    kept: tuple[np.ndarray, ...]
    prob: tuple[np.ndarray, ...]
    backoff: tuple[np.ndarray, ...]
    discounts: tuple[tuple[float, float, float], ...]
    faults: tuple[tuple[int, str], ...] = ()


def estimate(counts: Counts, source: int | None = None, cutoffs: Sequence[int] = ()) -> Estimate:
    """Estimate from the counts of one source, or of all together.

    Args:
        cutoffs: for each order the count up to which an n-gram is left out (0: none), as lmplz's --prune; must
            begin with 0 and never fall; the last one stands for the orders after it.
    """
    thresholds = [cutoffs[min(k, len(cutoffs) - 1)] if cutoffs else 0 for k in range(len(counts.levels))]
    assert thresholds == sorted(thresholds) and thresholds[0] == 0
    raw = [_of(level, source) for level in counts.levels]
    adjusted = [_adjusted(counts, raw, k) for k in range(len(raw))]
    kept = [count > threshold for count, threshold in zip(raw, thresholds)]
    kept[0] = np.ones(len(counts.words), np.bool_)
    found = [_discounts(a, k) for k, a in enumerate(adjusted, start=1)]
    discounts = [FALLBACK if isinstance(d, str) else d for d in found]
    faults = tuple((k, d) for k, d in enumerate(found, start=1) if isinstance(d, str))
    probs: list[np.ndarray] = []
    backoffs: list[np.ndarray] = []
    for k, level in enumerate(counts.levels):
        contexts = len(counts.levels[k - 1]) if k else 1
        share, gamma = _shares(level.parent, adjusted[k], kept[k], contexts, discounts[k])
        if k:
            lower = np.exp(probs[-1][level.suffix])
            # Without a discount nothing is left; a tiny weight keeps every word possible.
            backoffs.append(np.log(np.maximum(gamma, 1e-12)))
        else:
            lower = np.full(len(level), 1.0 / (len(level) - 1))
        weight = gamma[level.parent]
        prob = np.log(np.where(kept[k], share, 0.0) + np.maximum(weight, 1e-12) * lower)
        if k == 0:
            prob[BEGIN_ID] = NEVER
        probs.append(prob)
    backoffs.append(np.zeros(len(counts.levels[-1])))
    return Estimate(counts, tuple(kept), tuple(probs), tuple(backoffs), tuple(discounts), faults)


def _of(level: CountLevel, source: int | None) -> np.ndarray:
    counts: np.ndarray = level.counts.sum(axis=1) if source is None else level.counts[:, source]
    return counts


def _adjusted(counts: Counts, raw: list[np.ndarray], k: int) -> np.ndarray:
    """The counts that smoothing works on: occurrences, or below the highest order different words before."""
    adjusted: np.ndarray
    if k + 1 == len(raw):
        adjusted = raw[k].copy()
    else:
        above = counts.levels[k + 1]
        different = np.bincount(above.suffix[raw[k + 1] > 0], minlength=len(raw[k]))
        adjusted = np.where(counts.levels[k].begins, raw[k], different)
    if k == 0:
        adjusted[BEGIN_ID] = 0
    return adjusted


def _discounts(adjusted: np.ndarray, order: int) -> tuple[float, float, float] | str:
    """D1, D2, D3+ of Chen and Goodman's equation 26, or why the counts give none."""
    n = np.bincount(adjusted[(adjusted > 0) & (adjusted < 5)], minlength=5).astype(float)
    for j in (1, 2, 3):
        if not n[j]:
            return f"no n-gram of length {order} has an adjusted count of {j}"
    y = n[1] / (n[1] + 2 * n[2])
    d1, d2, d3 = (float(j - (j + 1) * y * n[j + 1] / n[j]) for j in (1, 2, 3))
    if 0 <= d1 <= 1 and 0 <= d2 <= 2 and 0 <= d3 <= 3:
        return d1, d2, d3
    return f"discounts of length {order} would be {d1:.2g}, {d2:.2g} and {d3:.2g}"


def _shares(
    parent: np.ndarray,
    adjusted: np.ndarray,
    kept: np.ndarray,
    contexts: int,
    discounts: tuple[float, float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Each row's discounted share of its context, and each context's weight for the level below.

    A context without counts gives all its weight to the level below.
    """
    capped = np.minimum(adjusted, 3)
    taken = np.array([0.0, *discounts])[capped]
    total = np.bincount(parent, adjusted, minlength=contexts)
    left = np.bincount(parent, np.where(kept, taken, adjusted), minlength=contexts)
    empty = total == 0
    total[empty] = left[empty] = 1.0
    return (adjusted - taken) / total[parent], left / total
