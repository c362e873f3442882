"""A second ear: what a network hears of sounds, beside letters, looked through for words and weighed with the first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import _fusion_score as fusion_score
from speechgru.decoding import phone_search
from speechgru.decoding._fusion_score import Probs, Weigher
from speechgru.decoding.hotwords import Automaton
from speechgru.decoding.phone_search import SoundSearch
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm.ngram import NGram
from speechgru.text.vocabulary import Vocabulary

WEIGHED = 32  # texts of each search, at least, that are weighed by letters and sounds


class Settings(fusion_score.Weights, Protocol):
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
