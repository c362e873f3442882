"""An n-gram language model: loaded, queried word by word, scored on text."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.lm import bit_packing as bits
from speechgru.lm import packed_query as arrays
from speechgru.lm import slm
from speechgru.lm.packed_query import Arrays, advance
from speechgru.lm.table import BEGIN_ID, END_ID, SPECIAL, UNKNOWN_ID, Table
from speechgru.utils.jit import compiled

FEW_WORDS = 1000
__all__ = ["Arrays", "NGram", "Perplexity", "advance", "from_table", "load"]


def _perplexity(log_prob: float, tokens: int) -> float:
    try:
        return math.exp(-log_prob / tokens) if tokens else math.nan
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Perplexity:
    """How well a model predicts a text: `exp(-mean log probability)`, sentence ends counted as words are.

    tokens: words and sentence ends; oov: words that the model doesn't know, `oov <= tokens`.
    log_prob: sum of natural logs over all tokens; known_log_prob: without the unknown words'.
    """

    sentences: int
    tokens: int
    oov: int
    log_prob: float
    known_log_prob: float

    @property
    def words(self) -> int:
        """Without sentence ends."""
        return self.tokens - self.sentences

    @property
    def with_oov(self) -> float:
        """Perplexity over all tokens, unknown words at the probability of `<unk>`; NaN without tokens."""
        return _perplexity(self.log_prob, self.tokens)

    @property
    def without_oov(self) -> float:
        """Perplexity over the tokens that the model knows; NaN without any."""
        known = self.tokens - self.oov
        return _perplexity(self.known_log_prob, known)

    @property
    def oov_rate(self) -> float:
        """Unknown words by words, in [0, 1]; NaN without words."""
        return self.oov / self.words if self.words else math.nan

    def describe(self) -> str:
        """For people: `193.0 (192.7 without unknown words), 0.44 % unknown words`."""
        return (
            f"{self.with_oov:.1f} ({self.without_oov:.1f} without unknown words), "
            f"{100 * self.oov_rate:.2f} % unknown words"
        )


class NGram:
    """A back-off n-gram model.

    order: the longest n-gram's words. words: id → word: `<unk>`, `<s>`, `</s>`, then by code point.
    arrays: what `advance` takes. start: the state after `<s>`. header: what the file says of its making.
    """

    def __init__(self, words: Sequence[str], arrays: Arrays, header: dict[str, Any] | None = None) -> None:
        self.words = words
        self.arrays = arrays
        self.header = header or {}
        self.order = len(arrays.ngram_ends)
        self.start = int(advance(arrays, 0, BEGIN_ID)[0])

    @property
    def n_words(self) -> int:
        """Words that it knows, without `<unk>`, `<s>` and `</s>`."""
        return len(self.words) - len(SPECIAL)

    @property
    def is_small(self) -> bool:
        """Whether hardly any speech is covered by its words, but that of a closed set of sentences."""
        return self.n_words < FEW_WORDS

    @property
    def counts(self) -> list[int]:
        """N-grams of each order."""
        return [int(n) for n in np.diff(self.arrays.ngram_ends, prepend=0)]

    def index(self, word: str) -> int:
        """The id of `word`; 0 where the model doesn't know it."""
        if word in SPECIAL:
            return SPECIAL.index(word)
        place = bisect_left(self.words, word, len(SPECIAL))
        return place if place < len(self.words) and self.words[place] == word else UNKNOWN_ID

    def score(self, words: Sequence[str], begin: bool = True, end: bool = True) -> list[float]:
        """Natural log of each word's probability after those before it, and of the sentence's end.

        Args:
            begin: the words start a sentence; otherwise nothing is known of what was before.
            end: the sentence ends after them: one value more.
        """
        ids = np.array([*map(self.index, words)] + [END_ID] * end, np.int64)
        scores: list[float] = _scores(self.arrays, ids, self.start if begin else 0).tolist()
        return scores

    def perplexity(self, sentences: Iterable[str]) -> Perplexity:
        """Score sentences of words parted by spaces, in the normaliser's spelling; empty ones are passed over."""
        n = tokens = oov = 0
        total = unknown_total = 0.0
        for words in filter(None, map(str.split, sentences)):
            ids = np.array([*map(self.index, words), END_ID], np.int64)
            scores = _scores(self.arrays, ids, self.start)
            n += 1
            tokens += len(ids)
            oov += int((ids == UNKNOWN_ID).sum())
            total += float(scores.sum())
            unknown_total += float(scores[ids == UNKNOWN_ID].sum())
        return Perplexity(n, tokens, oov, total, total - unknown_total)


@compiled(__file__, arrays.__file__, bits.__file__)
def _scores(arrays: Arrays, words: np.ndarray, state: bits.Index) -> np.ndarray:
    scores = np.empty(len(words))
    for i in range(len(words)):
        state, scores[i] = advance(arrays, state, words[i])
    return scores


def from_table(table: Table, bits: int | None = None, header: dict[str, Any] | None = None) -> NGram:
    """Pack a table; `bits` as in `_packed_write.pack`: None keeps every weight exactly."""
    from speechgru.lm._packed_write import pack

    return NGram(table.words, pack(table, bits), header)


def load(path: str | Path) -> NGram:
    """Open a model: `.slm` (memory-mapped, milliseconds), or `.arpa` or `.arpa.gz` (read and packed).

    Raises:
        LanguageModelError: the file can't be read or isn't a language model; the message says what is wrong.
    """
    if str(path).endswith((".arpa", ".arpa.gz")):
        from speechgru.lm import arpa

        return from_table(arpa.read(path))
    return NGram(*slm.load(path))
