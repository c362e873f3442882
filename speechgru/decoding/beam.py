"""CTC prefix beam search with a word language model and hotwords; the search itself is in
speechgru.decoding.prefix_search.

A text scores the natural log of the probability of all its CTC paths, plus
lm_weight * (sum of ln p(word | words before) and ln p(end)) + word_bonus * words + the price of unknown words +
hotword_weight * letters of hotwords. With a width that nothing falls out of, the search finds the best of all texts.

What the network says of a symbol may be divided by how often it says it anyway (`prior`): CTC networks say the blank
far too readily, and a search that takes their word for it swallows sounds (Miao et al. 2015, arXiv:1507.08240).

Of a network that also hears sounds, a second search finds texts by these and a pronouncing dictionary; the best of both
are weighed by letters and sounds together (`speechgru.decoding.phone_fusion`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import ctc, hotwords, lexicon_trie, prefix_search
from speechgru.decoding.hypothesis import Hypothesis, Token
from speechgru.decoding.phone_fusion import WEIGHED, Probs, SecondEar
from speechgru.errors import ConfigError
from speechgru.lexicon import g2p
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm.ngram import NGram, from_table, load
from speechgru.lm.table import SPECIAL, Level, Table
from speechgru.text.vocabulary import SPACE, Vocabulary
from speechgru.utils import jit
from speechgru.utils.assets import find_lm

FLOOR = -80.0  # natural log: what is rarer counts as this rare, so that no frame is impossible
UNKNOWN = 0  # id of the unknown word


@dataclass(frozen=True)
class Settings:
    """What a search keeps, and what it adds to the network's log-probabilities (all natural logs).

    beam: beginnings kept after each frame. More are slower and, up to some hundred, better.
    beam_threshold: beginnings whose log-probability is this much below the best's are dropped.
    token_threshold: log-probability below which a symbol adds no new beginning in a frame.
    look_ahead: how much of the likeliest word's probability a beginning of a word is charged with while it is
        spelt, in [0, 1]. It decides what is dropped on the way, not what a text is worth.
    lm: language model: the name of one that comes with the package, or a file; "" for none.
    lm_weight: of its log-probabilities.
    word_bonus: for each word; makes up for the words that a language model swallows.
    unknown_word, unknown_letter: for each word that the language model doesn't know, and each letter of it; in
        addition to what the model itself gives to unknown words. 0 or less.
    hotwords: words and phrases to favour, in the acoustic model's symbols. Words among them that the language
        model doesn't know are spelt free of `unknown_word` and `unknown_letter`.
    hotword_weight: for each letter of a hotword.
    dictionary: name of a packaged pronouncing dictionary, by which words are looked for in the sounds that the network
        hears beside the letters; "": in the letters alone. Wants a language model.
    prior: natural logs of the mean probability of each symbol, and of each sound behind them (`speechgru lm tune` takes
        them from dev speech); () for none.
    prior_weight: power of the prior that probabilities are divided by, 0 or more.
    sounds_weight: share of the sounds in what the network says of a text, in [0, 1]; the rest is the letters'.

    Raises:
        ConfigError: a value outside its range.
    """

    beam: int = 64
    beam_threshold: float = 10.0
    token_threshold: float = -9.0
    look_ahead: float = 0.5
    lm: str = ""
    lm_weight: float = 0.7
    word_bonus: float = 0.0
    unknown_word: float = -10.0
    unknown_letter: float = -0.5
    hotwords: tuple[str, ...] = ()
    hotword_weight: float = 1.0
    dictionary: str = ""
    sounds_weight: float = 0.5
    prior: tuple[float, ...] = ()
    prior_weight: float = 0.0

    def __post_init__(self) -> None:
        checks = {
            "beam": (self.beam >= 1, "1 or more"),
            "beam_threshold": (self.beam_threshold > 0, "more than 0"),
            "token_threshold": (self.token_threshold <= 0, "a log-probability, 0 or less"),
            "look_ahead": (0 <= self.look_ahead <= 1, "in [0, 1]"),
            "lm_weight": (0 <= self.lm_weight < math.inf, "0 or more"),
            "word_bonus": (math.isfinite(self.word_bonus), "a finite number"),
            "unknown_word": (-math.inf < self.unknown_word <= 0, "a finite number, 0 or less"),
            "unknown_letter": (-math.inf < self.unknown_letter <= 0, "a finite number, 0 or less"),
            "prior": (all(-math.inf < value <= 0 for value in self.prior), "log-probabilities, 0 or less"),
            "prior_weight": (0 <= self.prior_weight < math.inf, "0 or more"),
            "sounds_weight": (0 <= self.sounds_weight <= 1, "in [0, 1]"),
            "hotword_weight": (0 <= self.hotword_weight < math.inf, "0 or more"),
        }
        for name, (good, expected) in checks.items():
            if not good:
                raise ConfigError(f"decoder.{name} is {getattr(self, name)}; expected {expected}.")


class Decoder:
    """Decoder(settings, vocabulary)(log_probs [frames, symbols]) -> Hypothesis.

    Attributes:
        sounds: names of the sounds that it reads, whose columns follow those of the letters (a blank first); none
            without a dictionary.

    Args:
        settings: see Settings.
        vocabulary: the acoustic model's.
        lm: a language model, in place of the one that `settings` names.
        pronouncer: what says words, in place of the dictionary that `settings` names.

    Raises:
        ConfigError: a hotword has letters that the vocabulary lacks.
        LanguageModelError: there is no such language model, or its words have letters that the vocabulary lacks.
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
        self.lm = lm if lm is not None else _named(settings.lm)
        self._space = self.symbols.index(SPACE) if SPACE in self.symbols else -1
        phrases = [_encoded(phrase, vocabulary) for phrase in settings.hotwords]
        self._hot = hotwords.build(phrases, self.symbols)
        self._asked = self.lm or _silent()
        self._trie, self._unknown = _lexicon(self._asked, settings.hotwords, self.symbols)
        self._model = self._assembled(settings)
        self.sounds: tuple[str, ...] = ()
        if settings.dictionary and self.lm is not None:
            pronouncer = pronouncer or g2p.packaged(settings.dictionary)
            self._second = SecondEar(pronouncer, vocabulary, self.lm, self._hot, settings)
            self.sounds = pronouncer.sounds

    def __call__(self, log_probs: Any) -> Hypothesis:
        """Decode one utterance.

        Args:
            log_probs: tensor or array [frames, symbols], natural logs, blank first; with a dictionary [frames, symbols
                + 1 + sounds]. No frames: empty text.

        Returns:
            The best text; tokens over the frames of their own run on the text's best path, spaces included;
            `score` as the module says, of all its paths.

        Raises:
            ConfigError: another shape than [frames, len(vocabulary)], or values that are no numbers.
        """
        return self.nbest(log_probs, 1)[0]

    def nbest(self, log_probs: Any, n: int) -> list[Hypothesis]:
        """The `n` best texts, all different, best first: at least one, at most as many as the searches keep."""
        matrix = np.maximum(self._checked(log_probs), FLOOR)
        jit.announce(prefix_search.search, "the beam search")
        letters = len(self.symbols)
        spelt = self._freed(matrix, slice(0, letters))
        found = self._weighed(spelt, self._freed(matrix, slice(letters, None)), n) if self.sounds else None
        own = np.ascontiguousarray(matrix[:, :letters])
        return [self._hypothesis(own, *one) for one in found or self._found(spelt, n)]

    def _freed(self, matrix: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
        """Probabilities of some of the columns, freed of their prior."""
        own, weight = matrix[:, part], self.settings.prior_weight
        if weight and self.settings.prior:
            own = own - weight * np.array(self.settings.prior[part][: own.shape[1]])
            own -= np.logaddexp.reduce(own, axis=1, keepdims=True)
        return np.ascontiguousarray(np.exp(np.maximum(own, FLOOR)))

    def _found(self, probs: NDArray[np.float64], n: int) -> list[tuple[NDArray[np.int64], float]]:
        """Labels and scores of the `n` best texts by their letters."""
        scores, nodes, parent, symbol = prefix_search.search(probs, *self._model)
        best = scores[:, 0]
        order = np.argsort(-best, kind="stable")[:n].tolist()
        return [(_text(nodes[i], parent, symbol), float(best[i])) for i in order if best[i] > -math.inf]

    def _weighed(self, spelt: Probs, heard: Probs, n: int) -> list[tuple[NDArray[np.int64], float]]:
        """Labels and scores of the `n` best texts by letters and sounds."""
        found = self._found(spelt, max(n, WEIGHED))
        texts = ["".join(self.symbols[i] for i in labels) for labels, _ in found]
        return self._second.weighed(spelt, heard, texts, n)

    def with_settings(self, settings: Settings) -> Decoder:
        """The same with other weights or widths; quick where hotwords and dictionary are the same. `settings.lm` is
        ignored.

        Raises:
            ConfigError: as for the class.
        """
        if (settings.hotwords, settings.dictionary) != (self.settings.hotwords, self.settings.dictionary):
            is_same = self.sounds and settings.dictionary == self.settings.dictionary
            pronouncer = self._second.pronouncer if is_same else None
            return Decoder(settings, Vocabulary(self.symbols), self.lm, pronouncer)
        other = copy(self)
        other.settings, other._model = settings, self._assembled(settings)
        if self.sounds:
            other._second = self._second.with_settings(settings)
        return other

    def _assembled(self, settings: Settings) -> tuple[Any, ...]:
        """What the compiled search takes beside probabilities."""
        if self.lm is None:
            # Then nothing about a word costs anything but the bonus.
            settings = replace(settings, lm_weight=0.0, unknown_word=0.0, unknown_letter=0.0)
        spelling = _spelling(settings, self._trie, self._unknown)
        factors = np.exp(settings.hotword_weight * self._hot.gain)
        letters = [spelling["step"].max(), spelling["leave"].max(), math.exp(settings.unknown_letter)]
        limits = prefix_search.Limits(
            width=settings.beam,
            threshold=math.exp(-settings.beam_threshold),
            token_floor=math.exp(settings.token_threshold),
            space=self._space,
            start=self._asked.start,
            lm_weight=settings.lm_weight,
            unknown_letter=math.exp(settings.unknown_letter),
            ceiling=float(factors.max() * max(letters)),
            words=1,
        )
        bias = prefix_search.Bias(
            self._hot.next, factors, settings.hotword_weight * self._hot.end.astype(np.float64)
        )
        return limits, spelling, self._asked.arrays.frozen(), bias

    def _checked(self, log_probs: Any) -> NDArray[np.float64]:
        if hasattr(log_probs, "detach"):
            log_probs = log_probs.detach().float().cpu().numpy()
        matrix = np.ascontiguousarray(log_probs, dtype=np.float64)
        columns = len(self.symbols) + (1 + len(self.sounds) if self.sounds else 0)
        if matrix.ndim != 2 or matrix.shape[1] != columns:
            raise ConfigError(
                f"Got log-probabilities of shape {matrix.shape}; expected [frames, {columns}], one column for each "
                "symbol of the vocabulary (and sound of the dictionary). Decode with the vocabulary of the same "
                "checkpoint."
            )
        if self.settings.prior and len(self.settings.prior) < columns:
            raise ConfigError(
                f"decoder.prior has {len(self.settings.prior)} numbers; expected {columns}, one for each symbol of the "
                "vocabulary (and sound of the dictionary), or none."
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


def _text(node: int, parent: NDArray[np.int32], symbol: NDArray[np.int32]) -> NDArray[np.int64]:
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


def _lexicon(lm: NGram, hot: Iterable[str], symbols: tuple[str, ...]) -> tuple[lexicon_trie.Lexicon, float]:
    """Trie of the model's words, and of those of hotwords that it doesn't know; its look-ahead for unknown ones."""
    extra = sorted({word for phrase in hot for word in phrase.split() if lm.index(word) == UNKNOWN})
    words = [*lm.words[len(SPECIAL) :], *extra]
    ids = [*range(len(SPECIAL), len(lm.words)), *[UNKNOWN] * len(extra)]
    log_probs = prefix_search.unigrams(lm.arrays.frozen(), len(lm.words))
    return lexicon_trie.build(words, ids, log_probs[ids], symbols), float(log_probs[UNKNOWN])


def _spelling(settings: Settings, trie: lexicon_trie.Lexicon, unknown: float) -> NDArray[np.void]:
    """Factors of the trie's steps. Along a word they multiply to the look-ahead, taken back at its end."""
    ahead = settings.look_ahead * settings.lm_weight * trie.best
    unknown *= settings.look_ahead * settings.lm_weight
    # What a word would pay for being unknown if it ended in a node, or had one letter more than that.
    price = settings.unknown_word + trie.depth * settings.unknown_letter
    spelling = np.zeros(len(trie.word) + 1, prefix_search.SPELLING)
    spelling["first"], spelling["twin"] = trie.first, -1
    inside, outside = spelling[:-1], spelling[-1]
    inside["label"], inside["word"] = trie.label, trie.word
    inside["step"] = np.exp(ahead - ahead[np.maximum(trie.parent, 0)])
    inside["leave"] = np.exp(unknown - ahead + price + settings.unknown_letter)
    inside["end"] = settings.word_bonus - ahead + np.where(trie.word < 0, price, 0.0)
    outside["word"], outside["end"] = UNKNOWN, settings.word_bonus - unknown
    return spelling


def _silent() -> NGram:
    """A language model without words, for a search that asks it nothing."""
    size = len(SPECIAL)
    zeros = np.zeros(size, np.float32)
    return from_table(
        Table(SPECIAL, (Level(np.zeros(size, np.int64), np.arange(size, dtype=np.int32), zeros, zeros),))
    )


def _named(name: str) -> NGram | None:
    return load(find_lm(name)) if name else None
