"""What the compiled prefix search keeps and is given: NumPy records, and tuples of weights and arrays.

Numba reads the fields of a record as attributes; NumPy's types don't know them, so a record is `Any` for mypy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.lm import packed_query as ngram

Records = NDArray[np.void]
Record = Any  # one of `Records`

ROOT = 0  # node of the empty prefix

# A node of the lexicon. The children of node i are the nodes from its `first_child` up to the `first_child` of node
# i + 1. The last node stands for all that the lexicon lacks; only its `end` counts.
LEXICON = np.dtype(
    [
        ("first_child", np.int32),
        ("label", np.int32),  # the symbol into the node
        ("word", np.int32),  # id of the word that ends here, or -1
        ("step", np.float64),  # factor of the step into the node
        ("leave", np.float64),  # factor of a step from the node out of the lexicon
        ("end", np.float64),  # natural log of the factor where a word ends here, without the language model's
        # Node of the next word that ends here (a homophone), or -1. Such nodes have no place in the trie, only `word`,
        # `end` and `homophone`.
        ("homophone", np.int32),
    ],
    align=True,
)

# A prefix of the text: a node of a tree that only grows, so that a prefix that comes back is the same node.
PREFIX = np.dtype(
    [
        ("parent", np.int32),  # the prefix without its last symbol
        ("symbol", np.int32),  # the last symbol; past those of the network: a space behind a homophone
        ("child", np.int32),  # first child, and next child of the same parent; -1 for none
        ("sibling", np.int32),
        ("place", np.int32),  # in the beam, or -1
        ("lexicon", np.int32),  # node of the lexicon for the last word so far, or -1: outside it
        ("hotword_state", np.int32),
        ("lm_state", np.int32),  # before the last word
        ("factor", np.float64),  # of the last symbol: language model and hotwords
        ("word_factor", np.float64),  # factor and state if the last word ends here; NaN: not computed yet
        ("word_lm_state", np.int32),
    ],
    align=True,
)

# An entry of the beam: a prefix, and the mass of its paths that end in a blank and of those that end in its symbol.
BEAM = np.dtype([("node", np.int32), ("blank", np.float64), ("nonblank", np.float64)], align=True)

# A prefix that may enter the beam: the place of its parent, its symbol, and what becomes of it as in `PREFIX`.
CANDIDATE = np.dtype(
    [
        *(("parent", np.int32), ("symbol", np.int32), ("lexicon", np.int32), ("hotword_state", np.int32)),
        *(("lm_state", np.int32), ("mass", np.float64), ("factor", np.float64)),
    ],
    align=True,
)

# All that the continuations of a prefix depend on, and the best prefix with it: a place, or beam width + a candidate.
CONTEXT = np.dtype(
    [("lm_state", np.int32), ("lexicon", np.int32), ("hotword_state", np.int32), ("best", np.int32)],
    align=True,
)


class Limits(NamedTuple):
    """Widths and weights as plain numbers; factors and probabilities, not logs, unless it says so.

    beam_width: prefixes kept after each frame.
    beam_threshold: mass of a prefix against the best one's, below which it is dropped.
    token_threshold: probability of a symbol below which it extends no prefix.
    space: symbol between words, or -1.
    lm_start: the language model's state at the start of a text.
    lm_weight: of the language model's log-probabilities.
    unknown_character: factor of each character of a word outside the lexicon.
    max_factor: the greatest factor that a character can have.
    homophones: the most words of one spelling, at least 1.
    """

    beam_width: int
    beam_threshold: float
    token_threshold: float
    space: int
    lm_start: int
    lm_weight: float
    unknown_character: float
    max_factor: float
    homophones: int


class HotwordWeights(NamedTuple):
    """The automaton of hotwords with its weight.

    next: state after a symbol, int32 [states, symbols]; factor: of that step, float64 [states, symbols]; end: natural
    log of the factor where the text ends, float64 [states].
    """

    next: NDArray[np.int32]
    factor: NDArray[np.float64]
    end: NDArray[np.float64]


class Scorer(NamedTuple):
    """All that decides about a text beside the emissions. lexicon: `LEXICON` [nodes]."""

    limits: Limits
    lexicon: Records
    lm: ngram.Arrays
    hotwords: HotwordWeights


def no_hotwords(symbols: int) -> HotwordWeights:
    """An automaton of one state that favours nothing."""
    return HotwordWeights(np.zeros((1, symbols), np.int32), np.ones((1, symbols)), np.zeros(1))
