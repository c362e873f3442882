"""N-gram counts: every order's n-grams of a corpus, sorted, with how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechgru.lm._count_windows import RUN, Windows, count_windows
from speechgru.lm.corpus import Corpus, Scratch
from speechgru.lm.table import BEGIN_ID
from speechgru.utils.jit import compiled


@dataclass(frozen=True)
class CountLevel:
    """The n-grams of one order, sorted by (parent, word), as in `table.Level`.

    parent, word: int64 and int32 `[rows]`. counts: int64 `[rows, sources]`.
    suffix: int64 `[rows]`, the row of the n-gram without its first word in the level below; 0 for single words.
    begins: bool `[rows]`, whether the n-gram begins with `<s>`.
    """

    parent: np.ndarray
    word: np.ndarray
    counts: np.ndarray
    suffix: np.ndarray
    begins: np.ndarray

    def __len__(self) -> int:
        return len(self.word)


@dataclass(frozen=True)
class Counts:
    """`words`: id → word. `levels`: one an order; the lowest has a row for each word, seen or not."""

    words: tuple[str, ...]
    levels: tuple[CountLevel, ...]


def count(corpus: Corpus, order: int, scratch: Scratch, run: int = RUN) -> Counts:
    """Count the n-grams of up to `order` words; `run` is the number of tokens sorted at once."""
    windows = count_windows(corpus, order, scratch, run)
    filler = len(corpus.words)
    levels = [_single_words(windows, filler)]
    seen = np.flatnonzero(levels[0].counts.any(axis=1))
    sizes = _sizes(windows.tokens, filler)
    for k in range(1, order):
        level = _level(windows, filler, k, int(sizes[k]), scratch)
        if k == 1:
            level.parent[:] = seen[level.parent]
            level.suffix[:] = level.word
        else:
            firsts = first_children(levels[-1].parent, len(levels[-2]))
            _find_suffixes(firsts, levels[-1].word, levels[-1].suffix, level.parent, level.word, level.suffix)
        levels.append(level)
    return Counts(corpus.words, tuple(levels))


def first_children(parent: np.ndarray, rows: int) -> np.ndarray:
    """int64 `[rows + 1]`: where the children of each of `rows` rows begin, given their ascending `parent`."""
    return np.concatenate([[0], np.cumsum(np.bincount(parent, minlength=rows))])


def _single_words(windows: Windows, words: int) -> CountLevel:
    counts = np.zeros((words, windows.counts.shape[1]), np.int64)
    for source in range(counts.shape[1]):
        # Exact: float64 holds whole numbers up to 2**53.
        counts[:, source] = np.bincount(windows.tokens[:, 0], windows.counts[:, source], minlength=words)
    zeros = np.zeros(words, np.int64)
    return CountLevel(zeros, np.arange(words, dtype=np.int32), counts, zeros, np.arange(words) == BEGIN_ID)


def _level(windows: Windows, filler: int, k: int, rows: int, scratch: Scratch) -> CountLevel:
    level = CountLevel(
        scratch.zeros((rows,), np.int64),
        scratch.zeros((rows,), np.int32),
        scratch.zeros((rows, windows.counts.shape[1]), np.int64),
        scratch.zeros((rows,), np.int64),
        scratch.zeros((rows,), np.bool_),
    )
    _fill(windows.tokens, windows.counts, filler, k, level.parent, level.word, level.counts, level.begins)
    return level


@compiled(__file__)
def _sizes(windows: np.ndarray, filler: int) -> np.ndarray:
    """int64 `[order]`: how many different n-grams of each order begin the windows."""
    sizes = np.zeros(windows.shape[1], np.int64)
    for row in range(len(windows)):
        new = row == 0
        for k in range(windows.shape[1]):
            if windows[row, k] == filler:
                break
            new = new or windows[row, k] != windows[row - 1, k]
            sizes[k] += new
    return sizes


@compiled(__file__)
def _fill(
    windows: np.ndarray,
    window_counts: np.ndarray,
    filler: int,
    level: int,
    parent: np.ndarray,
    word: np.ndarray,
    counts: np.ndarray,
    begins: np.ndarray,
) -> None:
    """One level's n-grams; `parent` is the place among the n-grams of the order below that were seen."""
    here = above = -1
    for row in range(len(windows)):
        new = row == 0
        for k in range(level + 1):
            if windows[row, k] == filler:
                break
            new = new or windows[row, k] != windows[row - 1, k]
            if k == level - 1:
                above += new
            elif k == level:
                if new:
                    here += 1
                    parent[here] = above
                    word[here] = windows[row, k]
                    begins[here] = windows[row, 0] == BEGIN_ID
                for source in range(counts.shape[1]):
                    counts[here, source] += window_counts[row, source]


@compiled(__file__)
def _find_suffixes(
    firsts: np.ndarray,
    words: np.ndarray,
    suffixes: np.ndarray,
    parent: np.ndarray,
    word: np.ndarray,
    suffix: np.ndarray,
) -> None:
    """Fill `suffix`: the row of the level below whose parent is the parent's suffix and whose word is the same.

    Args:
        firsts: where the children of rows two levels below begin; words, suffixes: of the level below.
        parent, word: of the level whose `suffix` is wanted. Every such row is there: it occurs where this does.
    """
    for i in range(len(parent)):
        context = suffixes[parent[i]]
        low, high = firsts[context], firsts[context + 1]
        while high - low > 1:
            middle = (low + high) >> 1
            if words[middle] <= word[i]:
                low = middle
            else:
                high = middle
        suffix[i] = low
