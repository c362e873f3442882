"""A second ear: what a network hears of sounds, beside letters, looked through for words and weighed with the first.

Texts that searches over letters and over sounds found, weighed by both.

    score = (1 - sounds_weight) * ln p(letters | sound) + sounds_weight * ln p(sounds | sound)
            + lm_weight * (sum of ln p(word | words before) and ln p(end)) + word_bonus * words
            + the price of unknown words + hotword_weight * letters of hotwords

Both probabilities are those of all CTC paths. What a text is worth as text counts once, as in either search alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from copy import copy
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import ctc, phone_search
from speechgru.decoding.hotwords import Automaton
from speechgru.decoding.phone_search import SoundSearch
from speechgru.lexicon.dictionary import GAP
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm.ngram import NGram
from speechgru.lm.table import UNKNOWN_ID
from speechgru.text.vocabulary import SPACE, Vocabulary

Probs = NDArray[np.float64]
WEIGHED = 32  # texts of each search, at least, that are weighed by letters and sounds


class Weights(Protocol):
    """Of the decoder `beam`'s settings, those that count here."""

    @property
    def sounds_weight(self) -> float: ...
    @property
    def lm_weight(self) -> float: ...
    @property
    def word_bonus(self) -> float: ...
    @property
    def unknown_word(self) -> float: ...
    @property
    def unknown_letter(self) -> float: ...
    @property
    def hotword_weight(self) -> float: ...


class Weigher:
    """Weigher(...)(letters, sounds, texts, weights) -> the texts with their scores, best first.

    Args:
        vocabulary: of the letters.
        pronouncer: says the texts.
        lm: language model.
        hot: counts the letters of hotwords.
        free: words that aren't charged for being unknown.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        pronouncer: Pronouncer,
        lm: NGram,
        hot: Automaton,
        free: Collection[str] = (),
    ) -> None:
        self.vocabulary, self.pronouncer = vocabulary, pronouncer
        self._space = vocabulary.symbols.index(SPACE) if SPACE in vocabulary.symbols else -1
        self.lm, self.hot, self.free = lm, hot, frozenset(free)

    def __call__(
        self, letters: Probs, sounds: Probs, texts: Iterable[str], weights: Weights
    ) -> list[tuple[str, float]]:
        """Weigh what a network heard: probabilities [frames, symbols] and [frames, sounds], positive, blank first.

        Texts that the frames are too few for, or that have symbols which the network doesn't write, come last, with
        -inf. One with a word that can't be said is weighed by its letters alone.
        """
        scored = [(text, self._score(letters, sounds, text, weights)) for text in texts]
        return sorted(scored, key=lambda entry: -entry[1])

    def _score(self, letters: Probs, sounds: Probs, text: str, weights: Weights) -> float:
        if self.vocabulary.unknown(text):
            return -np.inf
        labels = np.array(self.vocabulary.encode(text), np.int64)
        spelt = ctc.log_prob(letters, labels, self._space)
        if spelt == -np.inf:
            return -np.inf
        share = weights.sounds_weight
        said = self.pronouncer.text(text) if share else None
        heard = spelt if said is None else ctc.log_prob(sounds, np.array(said, np.int64), GAP)
        score: float = (1 - share) * spelt + share * heard + self._worth(text, labels, weights)
        return score

    def _worth(self, text: str, labels: NDArray[np.int64], weights: Weights) -> float:
        """What the text itself adds."""
        words = text.split()
        unknown = [w for w in words if w not in self.free and self.lm.index(w) == UNKNOWN_ID]
        return (
            weights.lm_weight * sum(self.lm.score(words))
            + weights.word_bonus * len(words)
            + weights.unknown_word * len(unknown)
            + weights.unknown_letter * sum(map(len, unknown))
            + weights.hotword_weight * self._liked(labels)
        )

    def _liked(self, labels: NDArray[np.int64]) -> int:
        """Letters of hotwords."""
        if len(self.hot.end) == 2:  # no more than the two states of an automaton without hotwords
            return 0
        state = gained = 0
        for label in labels.tolist():
            gained += int(self.hot.gain[state, label])
            state = int(self.hot.next[state, label])
        return gained + int(self.hot.end[state])


class Settings(Weights, Protocol):
    """Of the decoder `beam`'s settings, those that count here."""

    @property
    def beam(self) -> int: ...
    @property
    def beam_threshold(self) -> float: ...
    @property
    def token_threshold(self) -> float: ...
    @property
    def look_ahead(self) -> float: ...
    @property
    def hotwords(self) -> tuple[str, ...]: ...


class SecondEar:
    """A search over sounds, and what weighs its texts and those of the letters' search by both.

    Args:
        pronouncer: says words.
        vocabulary: of the letters.
        lm: language model of both searches.
        hot: counts the letters of `settings.hotwords`.
        settings: of the decoder.
    """

    def __init__(
        self,
        pronouncer: Pronouncer,
        vocabulary: Vocabulary,
        lm: NGram,
        hot: Automaton,
        settings: Settings,
    ) -> None:
        self.pronouncer, self._vocabulary, self._settings = pronouncer, vocabulary, settings
        words = {word for phrase in settings.hotwords for word in phrase.split()}
        self._search = SoundSearch(lm, pronouncer, words)
        self._weigher = Weigher(vocabulary, pronouncer, lm, hot, words)
        self._assembled = self._search.assembled(_sought(settings))

    def with_settings(self, settings: Settings) -> SecondEar:
        """The same with other weights or widths; the hotwords must be the same."""
        other = copy(self)
        other._settings, other._assembled = settings, self._search.assembled(_sought(settings))
        return other

    def weighed(
        self, spelt: Probs, heard: Probs, texts: Iterable[str], n: int
    ) -> list[tuple[NDArray[np.int64], float]]:
        """Letters' labels and scores of the `n` best of `texts` and of those that the sounds' own search finds.

        Args:
            spelt, heard: probabilities [frames, symbols] and [frames, sounds], positive, blank first.
            texts: those that the letters' search found.
        """
        found = [*texts, *self._search(heard, self._assembled, max(n, WEIGHED))]
        ranked = self._weigher(spelt, heard, dict.fromkeys(found), self._settings)
        best = [(text, score) for text, score in ranked[:n] if score > -math.inf]
        return [(np.array(self._vocabulary.encode(text), np.int64), score) for text, score in best]


def _sought(settings: Settings) -> phone_search.Weights:
    """What the search over sounds is told. Phrases of several words count once they are weighed."""
    words = [phrase for phrase in settings.hotwords if len(phrase.split()) == 1]
    return phone_search.Weights(
        settings.beam,
        settings.beam_threshold,
        settings.token_threshold,
        settings.look_ahead,
        settings.lm_weight,
        settings.word_bonus,
        {word: settings.hotword_weight * len(word) for word in words},
    )
