"""Sentences as a stream of word ids, with the vocabulary that they make.

Arrays that live in a temporary folder once they are large, so that counting isn't bound by memory.
"""

from __future__ import annotations

import math
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np

from speechgru.errors import LanguageModelError
from speechgru.lm.table import BEGIN_ID, END_ID, SPECIAL, UNKNOWN_ID, sorted_words
from speechgru.utils import files

IN_MEMORY = 256 << 20
"""Bytes from which an array is a file."""
LARGEST_VOCABULARY = 1 << 21
_BLOCK = 1 << 20


class Scratch:
    """Makes arrays; as a context manager it deletes those on disk at the end.

    Large arrays are memory-mapped files of `folder` (default: the system's temporary one), which the operating
    system writes out when memory runs short.
    """

    def __init__(self, folder: str | Path | None = None, in_memory: int = IN_MEMORY) -> None:
        self.in_memory = in_memory
        self._made = 0
        self._folder = tempfile.TemporaryDirectory(prefix="speechgru-lm-", dir=folder)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def path(self) -> Path:
        """A new file's name in the folder."""
        self._made += 1
        return Path(self._folder.name) / f"{self._made}.bin"

    def zeros(self, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
        """An array of zeros, in memory or on disk by its size; a plain `numpy.ndarray` either way."""
        if math.prod(shape) * np.dtype(dtype).itemsize <= self.in_memory:
            return np.zeros(shape, dtype)
        return np.asarray(np.memmap(self.path(), dtype, "w+", shape=shape))


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
        """Read one source: normalised sentences, words parted by one space.

        Raises:
            LanguageModelError: a sentence holds `<s>`, `</s>` or `<unk>`, which stand for what is around words.
        """
        ids, block = self._ids, []
        for sentence in sentences:
            if self.hold_out and zlib.crc32(sentence.encode()) % self.hold_out == 0:
                self.held_out.append(sentence)
                continue
            words = [ids.setdefault(word, len(ids)) for word in sentence.split(" ")]
            if min(words) < len(SPECIAL):
                raise LanguageModelError(
                    f"The sentence {sentence[:80]!r} holds {SPECIAL[min(words)]}, which is no word. Remove it."
                )
            block.append(BEGIN_ID)
            block += words
            block.append(END_ID)
            self.sentences += 1
            if len(block) > _BLOCK:
                self._write(block)
                block = []
        self._write(block)
        self._ends.append(self.tokens)

    def corpus(
        self, min_count: int = 1, vocabulary_size: int | None = None, known: Collection[str] = ()
    ) -> Corpus:
        """All that was read; words seen less than `min_count` times, unless they are `known`, or beyond the
        `vocabulary_size` most frequent (ties by code point), become `<unk>`.

        Raises:
            LanguageModelError: nothing was read, or there are more words than ids.
        """
        self._file.close()
        if not self.sentences:
            raise LanguageModelError("There are no sentences to learn from. Expected English text.")
        if self.tokens * 4 <= self.scratch.in_memory:
            seen = files.numbers(self._path, np.dtype(np.int32))
        else:
            seen = np.asarray(np.memmap(self._path, np.int32, "r+"))
        counts = np.bincount(seen, minlength=len(self._ids))
        words = sorted_words(set(_most_frequent(self._ids, counts, min_count, vocabulary_size, known)))
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
    ids: dict[str, int], counts: np.ndarray, min_count: int, size: int | None, known: Collection[str]
) -> Iterator[str]:
    words = [
        word
        for word, i in ids.items()
        if i >= len(SPECIAL) and counts[i] >= (1 if word in known else min_count)
    ]
    words.sort(key=lambda word: (-counts[ids[word]], word))
    yield from words[:size]
