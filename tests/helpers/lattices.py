"""Small lattices and language models, and what every text is worth by counting all paths."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np

from speechgru.decoding.beam import Settings
from speechgru.lm import NGram
from speechgru.lm.ngram import from_table
from speechgru.lm.table import SPECIAL, Level, Table
from speechgru.text import Vocabulary

SMALL = Vocabulary(("<blank>", " ", "a", "b"))


ALL = {"beam": 5000, "beam_threshold": 700.0, "token_threshold": -700.0}  # nothing is pruned


Lattice = np.ndarray[Any, Any]


def bigrams(*words: str) -> NGram:
    """A model of `words` with probabilities that no two words or pairs share, as log-probabilities."""
    generator = np.random.default_rng(len(words))
    names = (*SPECIAL, *sorted(words))
    count = len(names)
    pairs = [(i, j) for i in range(1, count) for j in range(2, count) if i != 2 and (i + j) % 2]
    parent, word = (np.array(column) for column in zip(*pairs))
    single = Level(
        np.zeros(count, np.int64),
        np.arange(count, dtype=np.int32),
        generator.uniform(-5, -1, count).astype(np.float32),
        generator.uniform(-1, 0, count).astype(np.float32),
    )
    double = Level(
        parent.astype(np.int64),
        word.astype(np.int32),
        generator.uniform(-3, 0, len(pairs)).astype(np.float32),
        np.zeros(len(pairs), np.float32),
    )
    return from_table(Table(names, (single, double)))


def lattice(seed: int, frames: int, symbols: int, sharpness: float = 1.5) -> Lattice:
    """Random log-probabilities [frames, symbols]."""
    logits = sharpness * np.random.default_rng(seed).standard_normal((frames, symbols))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def every_text(matrix: Lattice, vocabulary: Vocabulary) -> dict[str, float]:
    """Natural log of the probability of each text, its paths counted one by one."""
    found: dict[str, float] = {}
    for path in itertools.product(range(len(vocabulary)), repeat=len(matrix)):
        spelt = "".join(vocabulary.symbols[s] for s, _ in itertools.groupby(path) if s)
        text = " ".join(spelt.split())
        score = sum(matrix[frame, symbol] for frame, symbol in enumerate(path))
        found[text] = np.logaddexp(found.get(text, -np.inf), score)
    return found


def letters_of_hotwords(text: str, phrases: tuple[str, ...]) -> int:
    """Letters of every occurrence as whole words, one word of the text in several of them counted for each."""
    found = 0
    for phrase in phrases:
        times = len(re.findall(rf"(?<!\S)(?={re.escape(phrase)}(?!\S))", text))
        found += times * len(phrase.replace(" ", ""))
    return found


def worth(text: str, setting: Settings, lm: NGram | None) -> float:
    """What a text's words add to its score, by the documentation of the settings."""
    words = text.split()
    added = setting.word_bonus * len(words)
    added += setting.hotword_weight * letters_of_hotwords(text, setting.hotwords)
    if lm is None:
        return added
    hot = {word for phrase in setting.hotwords for word in phrase.split()}
    for word in words:
        if lm.index(word) == 0 and word not in hot:
            added += setting.unknown_word + setting.unknown_letter * len(word)
    return added + setting.lm_weight * sum(lm.score(words))
