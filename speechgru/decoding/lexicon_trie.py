"""The words of a language model as a trie over an acoustic model's symbols.

A node is a prefix that words share. Nodes are numbered by depth, then in the order of the words, so that the children
of a node stand in a row: those of node n are first[n], ..., first[n + 1] - 1.

Look-ahead (Steinbiss et al. 1994, Ortmanns et al. 1996): `best` is the log-probability of the likeliest word below a
node, so that a search can add it while a word is being spelt rather than all at once at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import LanguageModelError


class Trie(NamedTuple):
    """Node 0 is the empty prefix.

    first: int32 [nodes + 1]; label: symbol into each node, int32 [nodes], of node 0 -1; parent: int32 [nodes],
    of node 0 -1; depth: symbols so far, int32 [nodes]; word: id of the word that ends here or -1, int32
    [nodes]; best: natural log, float64 [nodes], of node 0 it is 0.
    """

    first: NDArray[np.int32]
    label: NDArray[np.int32]
    parent: NDArray[np.int32]
    depth: NDArray[np.int32]
    word: NDArray[np.int32]
    best: NDArray[np.float64]


def build(
    words: Sequence[str], ids: Sequence[int], log_probs: NDArray[np.float64], symbols: Sequence[str]
) -> Trie:
    """The trie of `words`.

    Args:
        words: different, none empty, in any order.
        ids: of each word.
        log_probs: of each word, natural logs [words], for the look-ahead.
        symbols: of the acoustic model, the blank first.

    Raises:
        LanguageModelError: a word holds a character that isn't among `symbols`.
    """
    order = sorted(range(len(words)), key=words.__getitem__)
    labels, lengths = _encoded([words[i] for i in order], symbols)
    shared = _shared(labels)
    depths = np.arange(1, labels.shape[1] + 1)
    # A word brings a new node at each depth beyond what it shares with the word before.
    new = (depths > shared[:, None]) & (depths <= lengths[:, None])
    number = np.cumsum(new.T.ravel()).reshape(new.T.shape).T  # of the newest node at each depth, so far
    count = 1 + int(new.sum())
    node = np.zeros((len(order), labels.shape[1] + 1), np.int64)
    node[:, 1:] = number
    label, parent, depth = (np.full(count, value, np.int32) for value in (-1, -1, 0))
    rows, columns = np.nonzero(new)
    at = node[rows, columns + 1]
    label[at], parent[at], depth[at] = labels[rows, columns], node[rows, columns], columns + 1
    ends = node[np.arange(len(order)), lengths]
    word = np.full(count, -1, np.int32)
    word[ends] = np.asarray(ids, np.int32)[order]
    first = np.searchsorted(parent[1:], np.arange(count + 1)).astype(np.int32) + 1
    best = _spread(parent, depth, ends, np.asarray(log_probs, np.float64)[order])
    return Trie(first.astype(np.int32), label, parent, depth, word, best)


def _encoded(words: Sequence[str], symbols: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Symbols of each word [words, longest], -1 beyond its end, and lengths [words]."""
    lengths = np.array([len(word) for word in words], np.int64)
    codes = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32).astype(np.int64)
    known = {ord(symbol): index for index, symbol in enumerate(symbols) if index}
    table = np.full(max([0, *known, *codes[:: max(len(codes), 1)]]) + 1, -1)
    for code, index in known.items():
        table[code] = index
    flat = np.where(codes < len(table), table[np.minimum(codes, len(table) - 1)], -1)
    if (flat < 0).any():
        strange = "".join(sorted({chr(code) for code in codes[flat < 0]}))
        raise LanguageModelError(
            f"The language model has words with {strange[:40]!r}, which the acoustic model can't write; "
            f"expected only {''.join(symbols[1:])!r}. Use a language model made from text in those characters."
        )
    labels = np.full((len(words), int(lengths.max(initial=0))), -1)
    labels[np.arange(labels.shape[1]) < lengths[:, None]] = flat
    return labels, lengths


def _shared(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Length of the prefix that each word shares with the word before it: [words]."""
    same = np.logical_and.accumulate(labels[1:] == labels[:-1], axis=1) & (labels[1:] >= 0)
    return np.concatenate([np.zeros(min(len(labels), 1), np.int64), same.sum(axis=1)])


def _spread(
    parent: NDArray[np.int32], depth: NDArray[np.int32], ends: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The greatest of the words' `values` below each node."""
    best = np.full(len(parent), -np.inf)
    best[ends] = values
    edges = np.searchsorted(depth, np.arange(int(depth[-1]) + 2))
    for level in range(int(depth[-1]), 1, -1):
        nodes = slice(edges[level], edges[level + 1])
        np.maximum.at(best, parent[nodes], best[nodes])
    best[0] = 0.0
    return best
