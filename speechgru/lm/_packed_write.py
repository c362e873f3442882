"""A `Table` packed into the arrays that queries walk: see `Arrays` for the layout."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from speechgru.lm.bit_packing import codebook, width_of
from speechgru.lm.bit_packing import pack as pack_bits
from speechgru.lm.packed_query import Arrays
from speechgru.lm.table import Level, Table, find_rows, row_keys


def pack(table: Table, bits: int | None = None) -> Arrays:
    """Pack `table`; weights become codes of at most `bits` bits an order (None: as many as keep each exactly)."""
    levels = table.levels
    continues = [_continues(levels, k) for k in range(len(levels))]
    contexts = _context_ids(continues)
    above = [contexts[k][level.parent] for k, level in enumerate(levels[1:])]
    context = np.concatenate([np.zeros(len(levels[0]), np.int64), *above])
    word = np.concatenate([level.word for level in levels])
    is_context = np.concatenate(continues)
    n_contexts = 1 + int(is_context.sum())
    context_ends = 1 + np.cumsum([int(c.sum()) for c in continues])
    keys = row_keys(context, word)
    links = _links(keys, context[is_context], word[is_context], is_context, context_ends)
    first = np.searchsorted(context, np.arange(n_contexts + 1))
    prob_codes, probs = _code([level.prob for level in levels], bits)
    backoff_codes, backoffs = _code([lv.backoff[c] for lv, c in zip(levels, continues)], bits)
    code_widths = [width_of(book.shape[1] - 1) for book in (probs, backoffs)]
    widths = [width_of(len(table.words) - 1), *code_widths, width_of(len(word)), width_of(n_contexts - 1)]
    shorter = is_context[: len(word) - len(levels[-1])]
    # The record after the last says where the last context's n-grams end.
    columns = [np.concatenate([[0], backoff_codes, [0]]), first, np.append(links, 0)]
    parts = [
        pack_bits([word, prob_codes], widths[:2]),
        pack_bits(columns, widths[2:]),
        pack_bits([shorter.astype(np.int64)], [1]),
        pack_bits([_ranks(shorter)], widths[-1:]),
    ]
    starts = np.cumsum([len(part) for part in parts[:-1]])
    ngram_ends = np.cumsum([len(level) for level in levels])
    weights = np.zeros((2, len(levels), max(probs.shape[1], backoffs.shape[1])), np.float32)
    weights[0, :, : probs.shape[1]] = probs
    weights[1, :, : backoffs.shape[1]] = backoffs
    layout = np.concatenate([widths, starts, ngram_ends, context_ends]).astype(np.int64)
    return Arrays(np.concatenate(parts), weights, layout).frozen()


def _continues(levels: tuple[Level, ...], k: int) -> np.ndarray:
    """bool `[rows]`: which n-grams of a level anything is known about what follows them."""
    known: np.ndarray = levels[k].backoff != 0
    if k + 1 == len(levels):
        return np.zeros_like(known)
    known[levels[k + 1].parent] = True
    return known


def _context_ids(continues: list[np.ndarray]) -> list[np.ndarray]:
    """For each level the context's number of each row: 0 is the empty one, then all levels' in order."""
    ids, below = [], 0
    for flags in continues:
        ids.append(below + np.cumsum(flags))
        below += int(flags.sum())
    return ids


def _links(
    keys: np.ndarray, parents: np.ndarray, words: np.ndarray, is_context: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """int64 `[contexts]`: the longest shorter context that ends alike; 0 for single words and the empty one.

    Args:
        keys: `row_keys` of all n-grams' contexts and words; is_context: which of them are contexts.
        parents, words: of contexts 1, 2, ...: the context without its last word, and that word.
        ends: for each level, where its contexts end.
    """
    number = np.cumsum(is_context)
    links = np.zeros(1 + len(parents), np.int64)
    for start, stop in pairwise(ends):
        rows = np.arange(start, stop)  # contexts of one level: their parents' links are known
        shorter = links[parents[rows - 1]]
        while len(rows):
            place = find_rows(keys, row_keys(shorter, words[rows - 1]))
            known = (place >= 0) & is_context[place]
            links[rows[known]] = number[place[known]]
            left = ~known & (shorter > 0)
            rows, shorter = rows[left], links[shorter[left]]
    return links


def _code(weights: list[np.ndarray], bits: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes of all orders in one int64 array, and float32 `[orders, codes]` that they stand for."""
    coded = [codebook(w, bits) for w in weights]
    book = np.zeros((len(coded), max(1, *(len(values) for _, values in coded))), np.float32)
    for row, (_, values) in zip(book, coded):
        row[: len(values)] = values
    return np.concatenate([codes for codes, _ in coded]), book


def _ranks(flags: np.ndarray) -> np.ndarray:
    """int64, one for each 64 flags: how many are set before them."""
    return np.concatenate([[0], np.cumsum(flags)])[: len(flags) : 64]
