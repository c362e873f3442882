"""The different windows of a corpus, sorted and counted: runs that fit into memory, merged.

A window is the `order` tokens that start at a token; after a sentence's end it is filled up with a number above
all words. An n-gram's occurrences are the windows that begin with it, so this one list holds every order's counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechgru.lm.corpus import Corpus, Scratch
from speechgru.lm.table import END_ID
from speechgru.utils.jit import compiled

RUN = 1 << 24
"""Tokens that are sorted at once; takes some 40 bytes each."""


@dataclass(frozen=True)
class Windows:
    """tokens: int32 `[rows, order]`, sorted, all different. counts: uint32 `[rows, sources]`."""

    tokens: np.ndarray
    counts: np.ndarray


def count_windows(corpus: Corpus, order: int, scratch: Scratch, run: int = RUN) -> Windows:
    """Sort and count all windows, `run` tokens at once; the filler is `len(corpus.words)`."""
    starts = range(0, len(corpus.tokens), run)
    runs = [_sorted_run(corpus, order, scratch, start, run) for start in starts]
    while len(runs) > 1:
        # Neighbours, so that runs stay of about equal length.
        merged = [_merged(runs[i], runs[i + 1], scratch) for i in range(0, len(runs) - 1, 2)]
        runs = merged + runs[2 * len(merged) :]
    return runs[0]


def _sorted_run(corpus: Corpus, order: int, scratch: Scratch, start: int, run: int) -> Windows:
    """The windows that start at tokens from `start` on."""
    filler = len(corpus.words)
    size = min(run, len(corpus.tokens) - start)
    tokens = np.full(size + order, filler, np.int32)
    piece = corpus.tokens[start : start + len(tokens)]
    tokens[: len(piece)] = piece
    rest = _to_end(tokens, order)
    places = np.arange(size, dtype=np.int32)
    for column in reversed(range(order)):
        places = _by_column(tokens, rest, places, column, filler)
    source = np.searchsorted(np.array(corpus.ends), np.arange(start, start + size), side="right")
    new = _begins_row(tokens, rest, places)
    rows = int(new.sum())
    made = Windows(scratch.zeros((rows, order), np.int32), scratch.zeros((rows, len(corpus.ends)), np.uint32))
    _collect(tokens, rest, places, new, source.astype(np.uint16), filler, made.tokens, made.counts)
    return made


def _merged(a: Windows, b: Windows, scratch: Scratch) -> Windows:
    both = (a.tokens, a.counts, b.tokens, b.counts)
    rows = int(_merge(*both, a.tokens[:0], a.counts[:0]))
    made = Windows(
        scratch.zeros((rows, a.tokens.shape[1]), np.int32),
        scratch.zeros((rows, a.counts.shape[1]), np.uint32),
    )
    _merge(*both, made.tokens, made.counts)
    return made


@compiled(__file__)
def _to_end(tokens: np.ndarray, most: int) -> np.ndarray:
    """int8: how many tokens, itself included, are left in the sentence of each (at most `most`)."""
    rest = np.empty(len(tokens), np.int8)
    left = most
    for i in range(len(tokens) - 1, -1, -1):
        left = 1 if tokens[i] == END_ID else min(left + 1, most)
        rest[i] = left
    return rest


@compiled(__file__)
def _by_column(
    tokens: np.ndarray, rest: np.ndarray, places: np.ndarray, column: int, filler: int
) -> np.ndarray:
    """`places` sorted, stably, by the token `column` after each: one pass of a radix sort."""
    starts = np.zeros(filler + 2, np.int64)
    for place in places:
        starts[1 + (tokens[place + column] if column < rest[place] else filler)] += 1
    starts = np.cumsum(starts)
    result = np.empty_like(places)
    for place in places:
        key = tokens[place + column] if column < rest[place] else filler
        result[starts[key]] = place
        starts[key] += 1
    return result


@compiled(__file__)
def _begins_row(tokens: np.ndarray, rest: np.ndarray, places: np.ndarray) -> np.ndarray:
    """bool: which of the sorted `places` has another window than the one before it."""
    new = np.ones(len(places), np.bool_)
    for i in range(1, len(places)):
        a, b = places[i - 1], places[i]
        if rest[a] == rest[b]:
            k = 0
            while k < rest[a] and tokens[a + k] == tokens[b + k]:
                k += 1
            new[i] = k < rest[a]
    return new


@compiled(__file__)
def _collect(
    tokens: np.ndarray,
    rest: np.ndarray,
    places: np.ndarray,
    new: np.ndarray,
    source: np.ndarray,
    filler: int,
    windows: np.ndarray,
    counts: np.ndarray,
) -> None:
    row = -1
    for i in range(len(places)):
        place = places[i]
        if new[i]:
            row += 1
            for k in range(windows.shape[1]):
                windows[row, k] = tokens[place + k] if k < rest[place] else filler
        counts[row, source[place]] += np.uint32(1)


@compiled(__file__)
def _merge(
    a: np.ndarray,
    a_counts: np.ndarray,
    b: np.ndarray,
    b_counts: np.ndarray,
    windows: np.ndarray,
    counts: np.ndarray,
) -> int:
    """Merge two sorted runs; with empty `windows` and `counts` only say how many rows that makes."""
    i = j = row = 0
    write = len(windows) > 0
    while i < len(a) or j < len(b):
        order = _compare(a, i, b, j)
        if write:
            for k in range(a.shape[1]):
                windows[row, k] = a[i, k] if order <= 0 else b[j, k]
            for k in range(counts.shape[1]):
                if order <= 0:
                    counts[row, k] += a_counts[i, k]
                if order >= 0:
                    counts[row, k] += b_counts[j, k]
        i += order <= 0
        j += order >= 0
        row += 1
    return row


@compiled(__file__)
def _compare(a: np.ndarray, i: int, b: np.ndarray, j: int) -> int:
    """-1, 0 or 1 as row i of a stands before, equals or stands after row j of b; no row stands last."""
    if i == len(a) or j == len(b):
        return 1 if i == len(a) else -1
    for k in range(a.shape[1]):
        if a[i, k] != b[j, k]:
            return -1 if a[i, k] < b[j, k] else 1
    return 0
