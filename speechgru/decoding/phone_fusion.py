"""Score fusion of characters and phones: the texts of a search over each, scored by both.

    score = (1 - sounds_weight) * ln p(characters | audio) + sounds_weight * ln p(phones | audio)
            + lm_weight * (sum of ln p(word | words before) and ln p(end)) + word_bonus * words
            + the price of unknown words + hotword_weight * characters of hotwords

Both probabilities are those of all CTC paths. The score of the text itself counts once, as in either search alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import ctc
from speechgru.decoding.hotwords import Automaton
from speechgru.decoding.phone_search import PhoneSearch
from speechgru.decoding.settings import BeamSettings
from speechgru.lexicon.dictionary import SPACE_ID
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm import NGram
from speechgru.lm.table import UNKNOWN_ID
from speechgru.text import Vocabulary
from speechgru.text.vocabulary import SPACE

Probs = NDArray[np.float64]
RESCORED = 32  # texts of each search, at least, that are scored by characters and phones


class PhoneFusion:
    """A search over phones, and the scores of its texts and the character search's by both.

    Args:
        pronouncer: pronounces words.
        vocabulary: of the characters.
        lm: language model of both searches.
        hotwords: counts the characters of `settings.hotwords`. Their words have no price for being unknown.
        settings: of the decoder.
    """

    def __init__(
        self,
        pronouncer: Pronouncer,
        vocabulary: Vocabulary,
        lm: NGram,
        hotwords: Automaton,
        settings: BeamSettings,
    ) -> None:
        self.pronouncer, self._vocabulary, self._settings = pronouncer, vocabulary, settings
        self._lm, self._hotwords = lm, hotwords
        self._space = vocabulary.symbols.index(SPACE) if SPACE in vocabulary.symbols else -1
        self._free = {word for phrase in settings.hotwords for word in phrase.split()}
        self._search = PhoneSearch(lm, pronouncer, self._free)
        self._scorer = self._search.scorer(settings)

    def with_settings(self, settings: BeamSettings) -> PhoneFusion:
        """The same with other weights or widths; the hotwords must be the same."""
        other = copy(self)
        other._settings, other._scorer = settings, self._search.scorer(settings)
        return other

    def nbest(
        self, characters: Probs, phones: Probs, texts: Iterable[str], n: int
    ) -> list[tuple[NDArray[np.int64], float]]:
        """Labels and scores of the `n` best of `texts` and of those that the search over phones finds.

        Args:
            characters, phones: probabilities [frames, symbols] and [frames, phones], positive, blank first.
            texts: of the search over characters.
        """
        texts = dict.fromkeys([*texts, *self._search(phones, self._scorer, max(n, RESCORED))])
        best = [
            (text, score) for text, score in self.rank(characters, phones, texts)[:n] if score > -math.inf
        ]
        return [(np.array(self._vocabulary.encode(text), np.int64), score) for text, score in best]

    def rank(self, characters: Probs, phones: Probs, texts: Iterable[str]) -> list[tuple[str, float]]:
        """`texts` with their scores, best first; emissions as for `nbest`.

        Texts that the frames are too few for, or that have characters outside the vocabulary, come last, with -inf.
        One with a word that can't be pronounced is scored by its characters alone.
        """
        scored = [(text, self._score(characters, phones, text)) for text in texts]
        return sorted(scored, key=lambda entry: -entry[1])

    def _score(self, characters: Probs, phones: Probs, text: str) -> float:
        if self._vocabulary.unknown(text):
            return -np.inf
        labels = np.array(self._vocabulary.encode(text), np.int64)
        by_characters = by_phones = ctc.log_prob(characters, labels, self._space)
        if by_characters == -np.inf:
            return -np.inf
        share = self._settings.sounds_weight
        pronounced = self.pronouncer.text(text) if share else None
        if pronounced is not None:
            by_phones = ctc.log_prob(phones, np.array(pronounced, np.int64), SPACE_ID)
        score: float = (1 - share) * by_characters + share * by_phones + self._text_score(text, labels)
        return score

    def _text_score(self, text: str, labels: NDArray[np.int64]) -> float:
        """Language model, words and hotwords."""
        words, settings = text.split(), self._settings
        unknown = [w for w in words if w not in self._free and self._lm.index(w) == UNKNOWN_ID]
        return (
            settings.lm_weight * sum(self._lm.score(words))
            + settings.word_bonus * len(words)
            + settings.unknown_word * len(unknown)
            + settings.unknown_letter * sum(map(len, unknown))
            + settings.hotword_weight * self._hotword_characters(labels)
        )

    def _hotword_characters(self, labels: NDArray[np.int64]) -> int:
        if not self._free:
            return 0
        state = count = 0
        for label in labels.tolist():
            count += int(self._hotwords.gain[state, label])
            state = int(self._hotwords.next[state, label])
        return count + int(self._hotwords.end[state])
