"""CTC prefix beam search with a word language model and hotwords; the search itself is in
speechgru.decoding.prefix_search.

The score of a text is the natural log of the probability of all its CTC paths, plus
lm_weight * (sum of ln p(word | words before) and ln p(end)) + word_bonus * words + the price of unknown words +
hotword_weight * characters of hotwords. With a beam that nothing is pruned from, the search finds the best of all
texts.

Emissions may be divided by a `prior`, the mean probability of each symbol: CTC networks emit blanks far too readily,
and a search that doesn't correct this deletes words (Miao et al. 2015, arXiv:1507.08240).

With a phone head, a second search finds texts by the phones and a pronouncing dictionary; the texts of both searches
are scored by characters and phones together (`speechgru.decoding.phone_fusion`).
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import ctc, hotwords, prefix_search
from speechgru.decoding.character_lexicon import CharacterLexicon, wordless
from speechgru.decoding.hypothesis import Hypothesis, Token, as_array
from speechgru.decoding.phone_fusion import RESCORED, PhoneFusion, Probs
from speechgru.decoding.search_state import HotwordWeights, Limits, Scorer
from speechgru.decoding.settings import BeamSettings
from speechgru.errors import ConfigError
from speechgru.lexicon import g2p
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm import NGram, load
from speechgru.text import Vocabulary
from speechgru.text.vocabulary import SPACE
from speechgru.utils import jit
from speechgru.utils.assets import find_lm

Settings = BeamSettings
FLOOR = -80.0  # natural log: what is rarer counts as this rare, so that no frame is impossible
Scored = list[tuple[NDArray[np.int64], float]]  # labels and scores of texts, best first


class Decoder:
    """Decoder(settings, vocabulary)(log_probs [frames, symbols]) -> Hypothesis.

    Attributes:
        phones: names of the phones whose columns follow those of the characters (a blank first); none without a
            dictionary.

    Args:
        settings: see BeamSettings.
        vocabulary: the acoustic model's.
        lm: a language model, in place of the one that `settings` names.
        pronouncer: pronounces words, in place of the dictionary that `settings` names.

    Raises:
        ConfigError: a hotword has characters that the vocabulary lacks.
        LanguageModelError: there is no such language model, or its words have characters that the vocabulary lacks.
    """

    def __init__(
        self,
        settings: Settings,
        vocabulary: Vocabulary,
        lm: NGram | None = None,
        pronouncer: Pronouncer | None = None,
    ) -> None:
        self.settings = settings
        self.symbols = tuple(vocabulary.symbols)
        self.lm = lm if lm is not None else load(find_lm(settings.lm)) if settings.lm else None
        self._space = self.symbols.index(SPACE) if SPACE in self.symbols else -1
        phrases = [_encoded(phrase, vocabulary) for phrase in settings.hotwords]
        self._hotwords = hotwords.build(phrases, self.symbols)
        self._search_lm = self.lm or wordless()
        self._lexicon = CharacterLexicon(self._search_lm, settings.hotwords, self.symbols)
        self._scorer = self._weighted(settings)
        self.phones: tuple[str, ...] = ()
        if settings.dictionary and self.lm is not None:
            pronouncer = pronouncer or g2p.packaged(settings.dictionary)
            self._fusion = PhoneFusion(pronouncer, vocabulary, self.lm, self._hotwords, settings)
            self.phones = pronouncer.phones

    def __call__(self, log_probs: Any) -> Hypothesis:
        """Decode one utterance.

        Args:
            log_probs: tensor or array [frames, symbols], natural logs, blank first; with a dictionary [frames, symbols
                + 1 + phones]. No frames: empty text.

        Returns:
            The best text; tokens over the frames of their own run on the text's best path, spaces included;
            `score` by the module's formula.

        Raises:
            ConfigError: another shape than [frames, len(vocabulary)], or values that are no numbers.
        """
        return self.nbest(log_probs, 1)[0]

    def nbest(self, log_probs: Any, n: int) -> list[Hypothesis]:
        """The `n` best texts, all different, best first: at least one, at most as many as the beams keep."""
        matrix = np.maximum(self._checked(log_probs), FLOOR)
        jit.announce(prefix_search.search, "the beam search")
        count = len(self.symbols)
        characters = self._without_prior(matrix, slice(0, count))
        texts: Scored = []
        if self.phones:
            texts = self._fused(characters, self._without_prior(matrix, slice(count, None)), n)
        emissions = np.ascontiguousarray(matrix[:, :count])
        return [self._hypothesis(emissions, *text) for text in texts or self._search(characters, n)]

    def _without_prior(self, matrix: NDArray[np.float64], columns: slice) -> Probs:
        """Probabilities of some of the columns, divided by their prior."""
        log_probs, weight = matrix[:, columns], self.settings.prior_weight
        if weight and self.settings.prior:
            log_probs = log_probs - weight * np.array(self.settings.prior[columns][: log_probs.shape[1]])
            log_probs -= np.logaddexp.reduce(log_probs, axis=1, keepdims=True)
        return np.ascontiguousarray(np.exp(np.maximum(log_probs, FLOOR)))

    def _search(self, probs: Probs, n: int) -> Scored:
        """The `n` best texts by their characters."""
        scores, nodes, parent, symbol = prefix_search.search(probs, self._scorer)
        best = scores[:, 0]
        order = np.argsort(-best, kind="stable")[:n].tolist()
        return [(_labels(nodes[i], parent, symbol), float(best[i])) for i in order if best[i] > -math.inf]

    def _fused(self, characters: Probs, phones: Probs, n: int) -> Scored:
        """The `n` best texts by characters and phones."""
        texts = self._search(characters, max(n, RESCORED))
        spelt = ["".join(self.symbols[i] for i in labels) for labels, _ in texts]
        return self._fusion.nbest(characters, phones, spelt, n)

    def with_settings(self, settings: Settings) -> Decoder:
        """The same with other weights or widths; quick where hotwords and dictionary are the same. `settings.lm` is
        ignored.

        Raises:
            ConfigError: as for the class.
        """
        if (settings.hotwords, settings.dictionary) != (self.settings.hotwords, self.settings.dictionary):
            is_same = self.phones and settings.dictionary == self.settings.dictionary
            pronouncer = self._fusion.pronouncer if is_same else None
            return Decoder(settings, Vocabulary(self.symbols), self.lm, pronouncer)
        other = copy(self)
        other.settings, other._scorer = settings, self._weighted(settings)
        if self.phones:
            other._fusion = self._fusion.with_settings(settings)
        return other

    def _weighted(self, settings: Settings) -> Scorer:
        """All that the compiled search takes beside probabilities."""
        if self.lm is None:
            # Then nothing about a word costs anything but the bonus.
            settings = replace(settings, lm_weight=0.0, unknown_word=0.0, unknown_letter=0.0)
        lexicon = self._lexicon.weighted(settings)
        factors = np.exp(settings.hotword_weight * self._hotwords.gain)
        unknown_character = math.exp(settings.unknown_letter)
        limits = Limits(
            beam_width=settings.beam,
            beam_threshold=math.exp(-settings.beam_threshold),
            token_threshold=math.exp(settings.token_threshold),
            space=self._space,
            lm_start=self._search_lm.start,
            lm_weight=settings.lm_weight,
            unknown_character=unknown_character,
            max_factor=float(
                factors.max() * max(lexicon["step"].max(), lexicon["leave"].max(), unknown_character)
            ),
            homophones=1,
        )
        end = settings.hotword_weight * self._hotwords.end.astype(np.float64)
        favoured = HotwordWeights(self._hotwords.next, factors, end)
        return Scorer(limits, lexicon, self._search_lm.arrays.frozen(), favoured)

    def _checked(self, log_probs: Any) -> NDArray[np.float64]:
        matrix = np.ascontiguousarray(as_array(log_probs), dtype=np.float64)
        columns = len(self.symbols) + (1 + len(self.phones) if self.phones else 0)
        if matrix.ndim != 2 or matrix.shape[1] != columns:
            raise ConfigError(
                f"Got log-probabilities of shape {matrix.shape}; expected [frames, {columns}], one column for each "
                "symbol of the vocabulary (and phone of the dictionary). Decode with the vocabulary of the same "
                "checkpoint."
            )
        if self.settings.prior and len(self.settings.prior) < columns:
            raise ConfigError(
                f"decoder.prior has {len(self.settings.prior)} numbers; expected {columns}, one for each symbol of the "
                "vocabulary (and phone of the dictionary), or none."
            )
        if np.isnan(matrix).any():
            raise ConfigError("Got log-probabilities with NaN among them; expected natural logs, 0 or less.")
        return matrix

    def _hypothesis(self, matrix: NDArray[np.float64], labels: NDArray[np.int64], score: float) -> Hypothesis:
        if not len(labels):
            return Hypothesis("", (), score)
        starts, ends, peaks = ctc.align(matrix, labels, self._space)
        symbols = [self.symbols[label] for label in labels]
        confidences = np.exp(peaks).clip(0.0, 1.0).tolist()
        rows = zip(symbols, starts.tolist(), ends.tolist(), confidences)
        return Hypothesis("".join(symbols), tuple(Token(*row) for row in rows), score)


def _labels(node: int, parent: NDArray[np.int32], symbol: NDArray[np.int32]) -> NDArray[np.int64]:
    """Labels of a node of the search's tree."""
    labels = []
    while node:
        labels.append(symbol[node])
        node = parent[node]
    return np.array(labels[::-1], np.int64)


def _encoded(phrase: str, vocabulary: Vocabulary) -> list[int]:
    words = phrase.split()
    strange = vocabulary.unknown("".join(words))
    if strange or not words:
        raise ConfigError(
            f"Hotword {phrase!r} can't be written: the model has no {', '.join(map(repr, sorted(strange)))}. "
            f"Expected words in {''.join(vocabulary.symbols[1:])!r}."
            if strange
            else f"Hotword {phrase!r} is empty; expected one or more words."
        )
    return vocabulary.encode(SPACE.join(words) if SPACE in vocabulary.symbols else "".join(words))
