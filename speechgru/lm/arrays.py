"""The packed n-gram model that queries walk, and the step from one word to the next.

A context is what the model knows something about: the empty one (0), or an n-gram that others begin with or that
has a back-off weight. A state is the number of the longest context that the words so far end in. Back-off follows
Katz (1987) as ARPA files define it: p(w | context) where that n-gram is in the model, otherwise the context's
weight times p(w | the context without its first word).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from speechgru.jit import compiled
from speechgru.lm import bits
from speechgru.lm.bits import field


class Arrays(NamedTuple):
    """A model of `orders` orders; integers are little-endian, weights natural logs.

    The n-grams of all orders stand in one list, sorted by (context, last word), so shorter ones come first and
    the single words are the first of it, n-gram i being word i. Contexts are numbered in that order, after the
    empty one.
    """

    ngrams: np.ndarray
    """uint64, records of: the last word, the code of the probability."""
    contexts: np.ndarray
    """uint64, records of: the code of the back-off weight, the first of the n-grams that go on from it (they end
    where the next context's begin; there is one record more than contexts), the link: the longest context that
    its words without the first end in."""
    flags: np.ndarray
    """uint64, a bit for each n-gram below the longest: whether it is a context."""
    ranks: np.ndarray
    """uint32, for each 64 of those bits: how many are set before them."""
    probs: np.ndarray
    """float32 `[orders, codes]`."""
    backoffs: np.ndarray
    """float32 `[orders, codes]`; row k is for contexts of k + 1 words, the last one unused."""
    ngram_ends: np.ndarray
    """int64 `[orders]`: where the n-grams of each order end."""
    context_ends: np.ndarray
    """int64 `[orders]`: where the contexts of k + 1 words end; context 0 and then these."""
    widths: np.ndarray
    """int64 `[5]`: bits of word, probability code; back-off code, first, link."""

    def frozen(self) -> Arrays:
        """The same, read-only: Numba compiles once, whether a model comes from a file or was just made."""
        for array in self:
            array.flags.writeable = False
        return self


@compiled(__file__, bits.__file__)
def advance(arrays: Arrays, state: int, word: int) -> tuple[int, float]:
    """The state after `word`, and its natural-log probability after `state`, back-off included.

    A state outside the model counts as the empty context, a word outside it as unknown. Whatever a damaged file
    says, the walk ends, in bounds.
    """
    # The helpers get single arrays: to hand the whole tuple on costs more than a search.
    ngrams, contexts, ngram_ends = arrays.ngrams, arrays.contexts, arrays.ngram_ends
    widths, context_ends = arrays.widths, arrays.context_ends
    if state < 0 or state >= context_ends[-1]:
        state = 0
    if word < 0 or word >= ngram_ends[0]:
        word = 0
    log_prob = 0.0
    ngram = _find(ngrams, contexts, widths, ngram_ends, state, word)
    while ngram < 0:
        log_prob += _backoff(contexts, arrays.backoffs, widths, context_ends, state)
        state = _link(contexts, widths, state)
        ngram = _find(ngrams, contexts, widths, ngram_ends, state, word)
    log_prob += _probability(ngrams, arrays.probs, widths, ngram_ends, ngram)
    while True:
        after = _context_of(arrays.flags, arrays.ranks, ngram_ends, ngram)
        if after >= 0 or state == 0:
            return min(max(after, 0), context_ends[-1] - 1), log_prob
        state = _link(contexts, widths, state)
        ngram = _find(ngrams, contexts, widths, ngram_ends, state, word)


@njit
def _find(
    ngrams: np.ndarray, contexts: np.ndarray, widths: np.ndarray, ends: np.ndarray, context: int, word: int
) -> int:
    """The n-gram that is `context` and then `word`; -1 where there is none."""
    if context == 0:
        return word
    width, record = widths[0], widths[0] + widths[1]
    low = min(_first(contexts, widths, context), ends[-1])
    high = min(_first(contexts, widths, context + 1), ends[-1])
    # Words are spread evenly enough to guess where one stands: interpolation search, in [low, high).
    below, above = -1, ends[0]
    while low < high:
        guess = low + (high - low) * (word - below) // (above - below + 1)
        here = field(ngrams, guess * record, width)
        if here == word:
            return guess
        if here < word:
            low, below = guess + 1, here
        else:
            high, above = guess, here
    return -1


@njit
def _first(contexts: np.ndarray, widths: np.ndarray, context: int) -> int:
    """Where the n-grams that go on from a context begin."""
    record = widths[2] + widths[3] + widths[4]
    return field(contexts, context * record + widths[2], widths[3])


@njit
def _link(contexts: np.ndarray, widths: np.ndarray, context: int) -> int:
    """The longest context that `context` without its first word ends in."""
    record = widths[2] + widths[3] + widths[4]
    shorter = field(contexts, context * record + widths[2] + widths[3], widths[4])
    # A damaged file must not lead in a circle.
    return shorter if shorter < context else 0


@njit
def _backoff(
    contexts: np.ndarray, backoffs: np.ndarray, widths: np.ndarray, ends: np.ndarray, context: int
) -> float:
    """Natural log of the weight that `context`, not the empty one, gives to its link's words."""
    code = field(contexts, context * (widths[2] + widths[3] + widths[4]), widths[2])
    return backoffs[_row(ends, context), min(code, backoffs.shape[1] - 1)]


@njit
def _probability(
    ngrams: np.ndarray, probs: np.ndarray, widths: np.ndarray, ends: np.ndarray, ngram: int
) -> float:
    """Natural log of the probability of an n-gram's last word after the others."""
    code = field(ngrams, ngram * (widths[0] + widths[1]) + widths[0], widths[1])
    return probs[_row(ends, ngram), min(code, probs.shape[1] - 1)]


@njit
def _row(ends: np.ndarray, number: int) -> int:
    """The order, less one, of n-gram or context `number`."""
    row = 0
    while row < len(ends) - 1 and number >= ends[row]:
        row += 1
    return row


@njit
def _context_of(flags: np.ndarray, ranks: np.ndarray, ends: np.ndarray, ngram: int) -> int:
    """The context that an n-gram is, by its rank among those whose flag is set; -1 where it is none."""
    if ngram < 0 or len(ends) == 1 or ngram >= ends[-2]:
        return -1
    block, place = ngram >> 6, np.uint64(ngram & 63)
    one = np.uint64(1)
    if not (flags[block] >> place) & one:
        return -1
    # Counts the bits below `place`, in parallel (Warren, Hacker's Delight, section 5-1).
    below = flags[block] & ((one << place) - one)
    below -= (below >> one) & np.uint64(0x5555555555555555)
    below = (below & np.uint64(0x3333333333333333)) + (
        (below >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    below = (below + (below >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    below = (below * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return 1 + np.int64(ranks[block]) + np.int64(below)
