"""From a recipe to the words, marks and capitals that a tagger learns from; held-out text is taken out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.config import Recipe
from speechgru.data.preparation import CorpusUse
from speechgru.errors import CorpusError
from speechgru.lm.sentences import Exclusion, fast_normalise, read_lines
from speechgru.tasks.punctuation_settings import PunctuationConfig, WrittenSourceConfig
from speechgru.tasks.text_data import is_held_out, spoken_texts
from speechgru.text.punctuation import Tagged, tagged, written
from speechgru.text.word_features import vocabulary
from speechgru.utils import files

BLOCK = 50  # lines in a row that are learnt from, or held out, together


@dataclass(frozen=True)
class Stream:
    """Running words: `types` [words] numbers of word types, `marks` and `cases` [words]."""

    types: NDArray[np.int32]
    marks: NDArray[np.uint8]
    cases: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.types)


@dataclass(frozen=True)
class Data:
    """What a run learns from, by source, and what scores it. `names` are all word types, `vocabulary` the frequent
    ones of the training text."""

    train: dict[str, Stream]
    dev: dict[str, list[Tagged]]
    names: tuple[str, ...]
    vocabulary: tuple[str, ...]
    dropped: dict[str, dict[str, int]]

    def __str__(self) -> str:
        return f"{sum(map(len, self.train.values())):,} training words, {len(self.names):,} different ones"

    def identity(self) -> Any:
        """What is learnt from, for the fingerprint of a run."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for stream in self.train.values():
            for array in (stream.types, stream.marks, stream.cases):
                digest.update(array.tobytes())
        return digest.hexdigest(), self.vocabulary

    def write(self, folder: Path) -> None:
        """In texts/: what scores the model, a file a set."""
        for name, text in self.dev.items():
            line = " ".join(written(*each) for each in text)
            files.write_text(folder / "texts" / f"{name}.txt", f"{line}\n")

    def summary(self) -> dict[str, dict[str, int]]:
        """How many lines were left out, by where and why."""
        return self.dropped

    def uses(self, recipe: Recipe) -> list[CorpusUse]:
        """What each source gave to train on."""
        sources = recipe.task_settings(PunctuationConfig).sources
        return [CorpusUse(s.label, s.licence, s.url, words=len(self.train[s.label])) for s in sources]


class _Types:
    """Numbers of word types, given out as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def stream(self, words: Sequence[Tagged]) -> Stream:
        """`words` as arrays."""
        numbers = self.numbers
        types = np.array([numbers.setdefault(each.word, len(numbers)) for each in words], np.int32)
        marks, cases = (np.array([each[k] for each in words], np.uint8) for k in (1, 2))
        return Stream(types, marks, cases)


def prepare(recipe: Recipe) -> Data:
    """Read the text of `recipe` and take out what is read in its dev and test recordings.

    Raises:
        CorpusError: a file isn't there or isn't text, no text with punctuation is left, two sources have one label.
    """
    config = recipe.task_settings(PunctuationConfig)
    labels = [source.label for source in config.sources]
    if not labels or len(set(labels)) < len(labels):
        raise CorpusError(
            f"punctuation.sources wants files with a label of their own each; got {labels or 'none'}."
        )
    exclusion = Exclusion(text for texts in spoken_texts(recipe).values() for text in texts)
    types, train, dev = _Types(), {}, {}
    dropped: dict[str, dict[str, int]] = {}
    for source in config.sources:
        lost: Counter[str] = Counter()
        learnt: list[Tagged] = []
        kept: list[Tagged] = []
        for lines in _blocks(recipe.corpus.below_root(source.path), source, recipe.seed):
            part = kept if is_held_out(lines[0], config.held_out) else learnt
            for line in lines:
                reason = exclusion.reason(fast_normalise(line))
                if reason is None:
                    part += tagged(line)
                else:
                    lost[f"read in a held-out recording: {reason}"] += 1
        _check(source, learnt, kept)
        train[source.label], dev[source.label] = types.stream(learnt), kept
        if lost:
            dropped[source.label] = dict(lost)
    names = tuple(types.numbers)
    words = (names[number] for stream in train.values() for number in stream.types.tolist())
    return Data(train, dev, names, vocabulary(words, config.vocabulary), dropped)


def _check(source: WrittenSourceConfig, learnt: Sequence[Tagged], kept: Sequence[Tagged]) -> None:
    if not learnt or not kept:
        raise CorpusError(
            f"{source.path} leaves {len(learnt)} words to learn from and {len(kept)} to score; expected some of both. "
            "Add text, or raise punctuation.held_out."
        )
    if not any(each.mark for each in learnt):
        raise CorpusError(
            f"{source.path} has no punctuation in its {len(learnt):,} words; expected written text."
        )


def _blocks(path: Path, source: WrittenSourceConfig, seed: int) -> Iterator[list[str]]:
    """The text's lines, BLOCK at a time: in their order, or shuffled and each once."""
    lines: Iterator[str] = (_column(line, source, path) for line in read_lines(path))
    if source.shuffle:
        once = list(dict.fromkeys(lines))
        Random(seed).shuffle(once)
        lines = iter(once)
    while block := list(islice(lines, BLOCK)):
        yield block


def _column(line: str, source: WrittenSourceConfig, path: Path) -> str:
    parts = line.rstrip("\r\n").split("\t") if source.column else [line.partition("\t")[0].rstrip("\r\n")]
    if source.column >= len(parts):
        raise CorpusError(
            f"{path} has a line of {len(parts)} columns, no column {source.column}: {line[:60]!r}."
        )
    return parts[source.column]
