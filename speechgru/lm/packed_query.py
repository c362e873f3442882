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

from speechgru.lm import bit_packing as bit_fields
from speechgru.lm.bit_packing import Index, field
from speechgru.utils.jit import compiled

# What the numbers of `Arrays.layout` say: widths in bits ...
WORD, PROB, BACKOFF, FIRST, LINK = range(5)
# ... where those parts of `Arrays.bits` begin, in 64-bit words, the n-grams being at 0 ...
CONTEXTS, FLAGS, RANKS = range(5, 8)
# ... and from here for each order where its n-grams end, then where the contexts of as many words end.
ENDS = 8


class Arrays(NamedTuple):
    """A model of `orders` orders, in few arrays, because each costs a query time; little-endian, natural logs.

    The n-grams of all orders stand in one list, sorted by (context, last word), so shorter ones come first and
    the single words are the first of it, n-gram i being word i. Contexts are numbered in that order, after the
    empty one.

    `bits` holds, each from a new word on:

    * n-grams: the last word, the code of the probability;
    * contexts, and one record more: the code of the back-off weight, the first of the n-grams that go on from it
      (they end where the next context's begin), the link: the longest context that its words without the first
      end in;
    * flags: a bit for each n-gram below the longest, whether it is a context;
    * ranks: for each 64 of those bits how many are set before them, as wide as a link.
    """

    bits: np.ndarray
    """uint64."""
    weights: np.ndarray
    """float32 `[2, orders, codes]`: probabilities of n-grams of k + 1 words, back-off weights of such contexts."""
    layout: np.ndarray
    """int64 `[8 + 2 * orders]`, see WORD to ENDS."""

    @property
    def ngram_ends(self) -> np.ndarray:
        """int64 `[orders]`: where the n-grams of each order end."""
        return self.layout[ENDS : ENDS + (len(self.layout) - ENDS) // 2]

    @property
    def context_ends(self) -> np.ndarray:
        """int64 `[orders]`: where the contexts of as many words end; the last says how many there are."""
        return self.layout[ENDS + (len(self.layout) - ENDS) // 2 :]

    def frozen(self) -> Arrays:
        """The same, read-only: Numba compiles once, whether a model comes from a file or was just made."""
        for array in self:
            array.flags.writeable = False
        return self


@compiled(__file__, bit_fields.__file__)
def advance(arrays: Arrays, state: Index, word: Index) -> tuple[Index, float]:
    """The state after `word`, and its natural-log probability after `state`, back-off included.

    A state outside the model counts as the empty context, a word outside it as unknown. Whatever a damaged file
    says, the walk ends, in bounds.
    """
    # The helpers get single arrays: to hand the whole tuple on costs more than a search.
    bits, weights, layout = arrays.bits, arrays.weights, arrays.layout
    orders = (len(layout) - ENDS) // 2
    if state < 0 or state >= layout[ENDS + 2 * orders - 1]:
        state = 0
    if word < 0 or word >= layout[ENDS]:
        word = 0
    log_prob = 0.0
    ngram = _find(bits, layout, orders, state, word)
    while ngram < 0:
        log_prob += _backoff(bits, weights, layout, orders, state)
        state = _link(bits, layout, state)
        ngram = _find(bits, layout, orders, state, word)
    log_prob += _probability(bits, weights, layout, orders, ngram)
    while True:
        after = _context_of(bits, layout, orders, ngram)
        if after >= 0 or state == 0:
            return max(after, 0), log_prob
        state = _link(bits, layout, state)
        ngram = _find(bits, layout, orders, state, word)


@njit
def _find(bits: np.ndarray, layout: np.ndarray, orders: Index, context: Index, word: Index) -> Index:
    """The n-gram that is `context` and then `word`; -1 where there is none."""
    if context == 0:
        return word
    width, record = layout[WORD], layout[WORD] + layout[PROB]
    ngrams = layout[ENDS + orders - 1]
    low = min(_first(bits, layout, context), ngrams)
    high = min(_first(bits, layout, context + 1), ngrams)
    # Words are spread evenly enough to guess where one stands: interpolation search, in [low, high).
    below, above = -1, layout[ENDS]
    while low < high:
        guess: Index = low + (high - low) * (word - below) // (above - below + 1)
        here = field(bits, guess * record, width)
        if here == word:
            return guess
        if here < word:
            low, below = guess + 1, here
        else:
            high, above = guess, here
    return -1


@njit
def _first(bits: np.ndarray, layout: np.ndarray, context: Index) -> Index:
    """Where the n-grams that go on from a context begin."""
    first: Index = field(bits, _record(layout, context) + layout[BACKOFF], layout[FIRST])
    return first


@njit
def _link(bits: np.ndarray, layout: np.ndarray, context: Index) -> Index:
    """The longest context that `context` without its first word ends in."""
    shorter = field(bits, _record(layout, context) + layout[BACKOFF] + layout[FIRST], layout[LINK])
    # A damaged file must not lead in a circle.
    return shorter if shorter < context else 0


@njit
def _backoff(
    bits: np.ndarray, weights: np.ndarray, layout: np.ndarray, orders: Index, context: Index
) -> float:
    """Natural log of the weight that `context`, not the empty one, gives to its link's words."""
    code = field(bits, _record(layout, context), layout[BACKOFF])
    row = _row(layout, ENDS + orders, orders, context)
    log_weight: float = weights[1, row, min(code, weights.shape[2] - 1)]
    return log_weight


@njit
def _probability(
    bits: np.ndarray, weights: np.ndarray, layout: np.ndarray, orders: Index, ngram: Index
) -> float:
    """Natural log of the probability of an n-gram's last word after the others."""
    code = field(bits, ngram * (layout[WORD] + layout[PROB]) + layout[WORD], layout[PROB])
    row = _row(layout, ENDS, orders, ngram)
    log_prob: float = weights[0, row, min(code, weights.shape[2] - 1)]
    return log_prob


@njit
def _record(layout: np.ndarray, context: Index) -> Index:
    """The bit where a context's record begins."""
    size: Index = layout[BACKOFF] + layout[FIRST] + layout[LINK]
    begin: Index = 64 * layout[CONTEXTS] + context * size
    return begin


@njit
def _row(layout: np.ndarray, ends: Index, orders: Index, number: Index) -> Index:
    """The order, less one, of n-gram or context `number`, whose orders' ends stand in `layout` from `ends` on."""
    row = 0
    while row < orders - 1 and number >= layout[ends + row]:
        row += 1
    return row


@njit
def _context_of(bits: np.ndarray, layout: np.ndarray, orders: Index, ngram: Index) -> Index:
    """The context that an n-gram is, by its rank among those whose flag is set; -1 where it is none."""
    if ngram < 0 or orders == 1 or ngram >= layout[ENDS + orders - 2]:
        return -1
    block, place = ngram >> 6, np.uint64(ngram & 63)
    flags, one = bits[layout[FLAGS] + block], np.uint64(1)
    if not (flags >> place) & one:
        return -1
    # Counts the bits below `place`, in parallel (Warren, Hacker's Delight, section 5-1).
    below = flags & ((one << place) - one)
    below -= (below >> one) & np.uint64(0x5555555555555555)
    below = (below & np.uint64(0x3333333333333333)) + (
        (below >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    below = (below + (below >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    below = (below * np.uint64(0x0101010101010101)) >> np.uint64(56)
    rank = field(bits, 64 * layout[RANKS] + block * layout[LINK], layout[LINK])
    context: Index = min(1 + rank + np.int64(below), layout[ENDS + 2 * orders - 1] - 1)
    return context
