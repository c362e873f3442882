"""From a recipe to the text that a language model learns from: read, cut into sentences, held-out text taken out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.config import Recipe
from speechgru.data import preparation
from speechgru.data.preparation import CorpusUse
from speechgru.errors import CorpusError
from speechgru.lm.sentences import Exclusion, read_sentences
from speechgru.tasks.text_settings import TextConfig
from speechgru.text import Vocabulary, normalise
from speechgru.utils import files

HELD_OUT = "held-out"


class Texts:
    """Many short texts in one array, a byte a character: `symbols` [characters], `ends` [texts]."""

    def __init__(self, texts: Sequence[str], vocabulary: Vocabulary) -> None:
        points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
        table = np.zeros(int(points.max(initial=0)) + 1, dtype=np.uint8)
        for label, symbol in enumerate(vocabulary.symbols):
            if len(symbol) == 1 and ord(symbol) < len(table):
                table[ord(symbol)] = label
        self.symbols: NDArray[np.uint8] = table[points]
        self.lengths = np.array([len(text) for text in texts], dtype=np.int64)
        self.ends = self.lengths.cumsum()

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self.symbols[self.ends[index] - self.lengths[index] : self.ends[index]]


@dataclass(frozen=True)
class Data:
    """What a run learns from, and the texts that score it: `held_out` of the text itself, then the `dev` and `test`
    splits of recordings.

    `words` of training text by source, `dropped` by where and why.
    """

    train: Texts
    dev: dict[str, list[str]]
    test: dict[str, list[str]]
    vocabulary: Vocabulary
    words: dict[str, int]
    dropped: dict[str, dict[str, int]]

    def __str__(self) -> str:
        words, characters = sum(self.words.values()), len(self.train.symbols)
        return f"{len(self.train)} training texts, {words} words, {characters} characters"

    def identity(self) -> Any:
        """What is learnt from, for the fingerprint of a run."""
        digest = hashlib.sha256(self.train.symbols.tobytes() + self.train.lengths.tobytes()).hexdigest()
        return digest, self.vocabulary.symbols

    def write(self, folder: Path) -> None:
        """In texts/: what scores the model, a file a set. What is learnt from is not copied."""
        for name, texts in {**self.dev, **self.test}.items():
            files.write_text(folder / "texts" / f"{name}.txt", "".join(f"{text}\n" for text in texts))

    def summary(self) -> dict[str, dict[str, int]]:
        """How many sentences were left out, by where and why."""
        return self.dropped

    def uses(self, recipe: Recipe) -> list[CorpusUse]:
        """What each source gave to train on."""
        return [
            CorpusUse(s.label, s.licence, s.url, words=self.words[s.label])
            for s in recipe.task_settings(TextConfig).sources
            if self.words[s.label]
        ]


def prepare(recipe: Recipe) -> Data:
    """Read the text of `recipe` and take out the sentences of its dev and test recordings.

    Raises:
        CorpusError: a file isn't there or isn't text, no text is left, two sources have one label.
    """
    corpus, config = recipe.corpus, recipe.task_settings(TextConfig)
    labels = [source.label for source in config.sources]
    if not labels or len(set(labels)) < len(labels):
        raise CorpusError(f"text.sources wants files with a label of their own each; got {labels or 'none'}.")
    spoken = spoken_texts(recipe)
    exclusion = Exclusion(text for texts in spoken.values() for text in texts)
    learnt: list[str] = []
    kept: list[str] = []
    words: dict[str, int] = {}
    dropped: dict[str, dict[str, int]] = {}
    for source in config.sources:
        lost: Counter[str] = Counter()
        first = len(learnt)
        for sentence in exclusion.kept(read_sentences(corpus.below_root(source.path)), lost):
            chosen = kept if is_held_out(sentence, config.held_out) else learnt
            chosen.extend(cut(sentence, config.max_characters))
        words[source.label] = sum(text.count(" ") + 1 for text in learnt[first:])
        if lost:
            dropped[source.label] = {f"said in a held-out recording: {why}": n for why, n in lost.items()}
    if not learnt or not kept:
        raise CorpusError(
            f"{len(learnt)} sentences are left to learn from and {len(kept)} to score; expected some of both. Add "
            "text, or raise text.held_out."
        )
    vocabulary = Vocabulary.from_texts(learnt)
    dev = {HELD_OUT: kept, **{name: spoken[name] for name in corpus.dev}}
    test = {name: spoken[name] for name in corpus.test}
    for name, texts in {**dev, **test}.items():
        foreign = [text for text in texts if vocabulary.unknown(text)]
        if foreign:
            dropped[name] = {"letters that the training text lacks": len(foreign)}
            texts[:] = [text for text in texts if not vocabulary.unknown(text)]
    return Data(Texts(learnt, vocabulary), dev, test, vocabulary, words, dropped)


def cut(text: str, most: int) -> Iterator[str]:
    """Parts of `text` of at most `most` characters (a longer word is left whole), as long as each other."""
    wanted = -(-len(text) // -(-len(text) // most))
    part: list[str] = []
    length = -1
    for word in text.split():
        if part and (length + 1 + len(word) > most or length >= wanted):
            yield " ".join(part)
            part, length = [], -1
        part.append(word)
        length += 1 + len(word)
    yield " ".join(part)


def spoken_texts(recipe: Recipe) -> dict[str, list[str]]:
    """The normalised texts of each dev and test split."""
    if not (recipe.corpus.dev or recipe.corpus.test):
        return {}
    splits = preparation.held_out(recipe)
    return {name: [t for u in utterances if (t := normalise(u.text))] for name, utterances in splits.items()}


def is_held_out(text: str, share: float) -> bool:
    """Whether `text` is among the `share` of all sentences that aren't learnt from: for the same text, the same."""
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")
    return number < share * 2**48
