"""Sentences as a stream of word ids, with the vocabulary that they make."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from speechgru.errors import LanguageModelError
from speechgru.lm._scratch import Scratch
from speechgru.lm.table import BEGIN_ID, END_ID, SPECIAL, UNKNOWN_ID, sorted_words

LARGEST_VOCABULARY = 1 << 21
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Corpus:
    """`words`: id → word. `tokens`: int32, each sentence as `<s> ... </s>`, unknown words as `<unk>`.

    ends: where in `tokens` each source ends. held_out: sentences kept apart. unknown: tokens outside `words`.
    """

    words: tuple[str, ...]
    tokens: np.ndarray
    ends: tuple[int, ...]
    held_out: list[str]
    sentences: int
    unknown: int

    @property
    def n_words(self) -> int:
        """Running words, without sentence ends."""
        return len(self.tokens) - 2 * self.sentences


@dataclass
class Reader:
    """Collects sentences of one source after another; `corpus` then settles the vocabulary.

    hold_out: one sentence of so many is kept apart, chosen by what it says, so that repetitions of it are too;
    0 for none.
    """

    scratch: Scratch
    hold_out: int = 0
    held_out: list[str] = field(default_factory=list)
    sentences: int = 0
    tokens: int = 0
    _ids: dict[str, int] = field(default_factory=lambda: {w: i for i, w in enumerate(SPECIAL)})
    _ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._path = self.scratch.path()
        self._file = open(self._path, "wb")  # noqa: SIM115 (closed by corpus)

    def add(self, sentences: Iterable[str]) -> None:
        """Read one source: normalised sentences, words parted by one space."""
        ids, block = self._ids, []
        for sentence in sentences:
            if self.hold_out and zlib.crc32(sentence.encode()) % self.hold_out == 0:
                self.held_out.append(sentence)
                continue
            block.append(BEGIN_ID)
            block += [ids.setdefault(word, len(ids)) for word in sentence.split(" ")]
            block.append(END_ID)
            self.sentences += 1
            if len(block) > _BLOCK:
                self._write(block)
                block = []
        self._write(block)
        self._ends.append(self.tokens)

    def corpus(self, min_count: int = 1, vocabulary_size: int | None = None) -> Corpus:
        """All that was read; words seen less than `min_count` times, or beyond the `vocabulary_size` most
        frequent (ties by code point), become `<unk>`.

        Raises:
            LanguageModelError: nothing was read, or there are more words than ids.
        """
        self._file.close()
        if not self.sentences:
            raise LanguageModelError("There are no sentences to learn from. Expected English text.")
        seen = np.fromfile(self._path, np.int32) if self.tokens * 4 <= self.scratch.in_memory else np.asarray(
            np.memmap(self._path, np.int32, "r+")
        )  # fmt: skip
        counts = np.bincount(seen, minlength=len(self._ids))
        words = sorted_words(set(_most_frequent(self._ids, counts, min_count, vocabulary_size)))
        if len(words) > LARGEST_VOCABULARY:
            raise LanguageModelError(
                f"The text has {len(words)} different words; at most {LARGEST_VOCABULARY} fit. "
                "Leave rare ones out: --min-count 2 or --vocabulary-size."
            )
        final = np.full(len(self._ids), UNKNOWN_ID, np.int32)
        final[[self._ids[word] for word in words]] = np.arange(len(words))
        for start in range(0, len(seen), _BLOCK):
            seen[start : start + _BLOCK] = final[seen[start : start + _BLOCK]]
        unknown = int(counts[final == UNKNOWN_ID].sum())
        return Corpus(words, seen, tuple(self._ends), self.held_out, self.sentences, unknown)

    def _write(self, block: list[int]) -> None:
        np.array(block, np.int32).tofile(self._file)
        self.tokens += len(block)


def _most_frequent(
    ids: dict[str, int], counts: np.ndarray, min_count: int, size: int | None
) -> Iterator[str]:
    words = [word for word, i in ids.items() if i >= len(SPECIAL) and counts[i] >= min_count]
    words.sort(key=lambda word: (-counts[ids[word]], word))
    yield from words[:size]
