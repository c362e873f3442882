"""CTC prefix beam search for models that write pieces of words, with a word language model and hotwords.

The score of a text is that of `speechgru.decoding.beam`: the natural log of the probability of all its CTC paths,
however the text is cut into pieces, plus the language model's, the words' and the hotwords' shares. With a beam that
nothing is pruned from, the search finds the best of all texts.

A beam entry is a text. It has one mass for paths that end in a blank and one for each piece that paths end in,
because a path may not repeat its last piece without a blank between (Graves 2012, section 7.5). A word is scored once
the next one begins; until then, what begins no word that the language model knows pays for that in advance. Words are
looked up in small letters and without punctuation. Each mass carries its best single path, from which tokens have
their frames.

Written in Python: CTC models of pieces are sure of most frames (and have few), so there is little to search.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import hotwords
from speechgru.decoding.hypothesis import Hypothesis, Token, as_array
from speechgru.decoding.settings import BeamSettings
from speechgru.errors import ConfigError
from speechgru.lm import NGram, load
from speechgru.lm.ngram import advance
from speechgru.lm.table import END_ID, SPECIAL, UNKNOWN_ID
from speechgru.text import Vocabulary
from speechgru.text.subwords import joined
from speechgru.text.vocabulary import BLANK, SPACE
from speechgru.utils.assets import find_lm

Settings = BeamSettings
FLOOR = -80.0  # natural log: what is rarer counts as this rare
_Slots = dict[int, list[Any]]  # last piece or BLANK → [mass, natural log of the best path, its _Node]


class _Node(NamedTuple):
    """The last piece of a path: over frames [start, end), at best with probability `peak`; None before the first."""

    before: _Node | None
    piece: int
    start: int
    end: int
    peak: float


class _Context(NamedTuple):
    """What a text has earned, and what its continuation depends on.

    lm_state: after its whole words. score: of these, and of hotwords. word: that is being spelt, folded. place: in the
    automaton of hotwords. ahead: what the word pays in advance.
    """

    lm_state: int
    score: float
    word: str
    place: int
    ahead: float


class Decoder:
    """Decoder(settings, vocabulary)(log_probs [frames, symbols]) -> Hypothesis.

    Args:
        settings: see BeamSettings; `dictionary` and `prior` are for models of characters.
        vocabulary: pieces; a space begins those that begin a word.
        lm: a language model, in place of the one that `settings` names.

    Raises:
        ConfigError: a hotword that can't be written, a setting that is for models of characters.
        LanguageModelError: there is no such language model.
    """

    phones: tuple[str, ...] = ()

    def __init__(self, settings: Settings, vocabulary: Vocabulary, lm: NGram | None = None) -> None:
        if settings.dictionary or settings.prior:
            raise ConfigError(
                "dictionary and prior are for models that write characters, and this one writes pieces of words. "
                "Leave them out."
            )
        self.settings = settings
        self.symbols = tuple(vocabulary.symbols)
        self.lm = lm if lm is not None else load(find_lm(settings.lm)) if settings.lm else None
        letters = sorted({folded for c in vocabulary.characters[1:] if (folded := fold(c)) != SPACE} - {""})
        self._letters = {symbol: number for number, symbol in enumerate(["", SPACE, *letters])}
        phrases = [self._encoded(phrase) for phrase in settings.hotwords]
        self._hotwords = hotwords.build(phrases, list(self._letters))
        self._favoured = {fold(word) for phrase in settings.hotwords for word in phrase.split()}
        self._unknown = float(advance(self.lm.arrays, 0, UNKNOWN_ID)[1]) if self.lm else 0.0

    def __call__(self, log_probs: Any) -> Hypothesis:
        """Decode one utterance.

        Args:
            log_probs: tensor or array [frames, symbols], natural logs, blank first. No frames: empty text.

        Raises:
            ConfigError: another shape than [frames, len(vocabulary)], or values that are no numbers.
        """
        return self.nbest(log_probs, 1)[0]

    def nbest(self, log_probs: Any, n: int) -> list[Hypothesis]:
        """The `n` best texts, all different, best first: at least one, at most as many as the beam keeps."""
        matrix = np.maximum(self._checked(log_probs), FLOOR)
        beam, contexts, scale = self._search(matrix)
        texts: dict[str, tuple[float, float, _Node | None]] = {}
        for text, slots in beam.items():
            score = scale + _log(sum(slot[0] for slot in slots.values())) + self._end(contexts[text])
            _, best, node = max(slots.values(), key=lambda slot: slot[1])
            plain = joined(text)
            known, likeliest, path = texts.get(plain, (-math.inf, -math.inf, None))
            if best > likeliest:
                likeliest, path = best, node
            texts[plain] = (float(np.logaddexp(known, score)), likeliest, path)
        ranked = sorted(texts.items(), key=lambda row: -row[1][0])[:n]
        return [Hypothesis(text, self._tokens(node), score) for text, (score, _, node) in ranked]

    def _search(self, matrix: NDArray[np.float64]) -> tuple[dict[str, _Slots], dict[str, _Context], float]:
        """The texts after the last frame with their masses, what each has earned, and the log of the masses' scale."""
        start = self.lm.start if self.lm else 0
        beam: dict[str, _Slots] = {"": {BLANK: [1.0, 0.0, None]}}
        contexts = {"": _Context(start, 0.0, "", 0, 0.0)}
        scale, settings = 0.0, self.settings
        for frame, row in enumerate(matrix):
            likely = (np.flatnonzero(row[1:] >= settings.token_threshold) + 1).tolist()
            probs = dict(zip([BLANK, *likely], np.exp(row[[BLANK, *likely]]).tolist()))
            after: dict[str, _Slots] = {}
            for text, slots in beam.items():
                self._stay(frame, row, after.setdefault(text, {}), slots)
                total = sum(slot[0] for slot in slots.values())
                for piece in likely:
                    self._extend(frame, probs[piece], piece, text, slots, total, after, contexts)
            beam, best = self._pruned(after, contexts)
            scale += math.log(best)
        return beam, contexts, scale

    def _stay(self, frame: int, row: NDArray[np.float64], after: _Slots, slots: _Slots) -> None:
        """Paths that go on with a blank, or repeat their last piece."""
        best = max(slots.values(), key=lambda slot: slot[1])
        total = sum(slot[0] for slot in slots.values())
        _add(after, BLANK, total * math.exp(row[BLANK]), best[1] + row[BLANK], best[2])
        for piece, (mass, log_prob, node) in slots.items():
            if piece != BLANK:
                prob = math.exp(row[piece])
                longer = node._replace(end=frame + 1, peak=max(node.peak, prob))
                _add(after, piece, mass * prob, log_prob + row[piece], longer)

    def _extend(
        self,
        frame: int,
        prob: float,
        piece: int,
        text: str,
        slots: _Slots,
        total: float,
        after: dict[str, _Slots],
        contexts: dict[str, _Context],
    ) -> None:
        """Paths that add a piece."""
        others = [slot for last, slot in slots.items() if last != piece]
        mass = (total - slots[piece][0] if piece in slots else total) * prob
        if not others or mass <= 0.0:
            return
        _, log_prob, node = max(others, key=lambda slot: slot[1])
        symbol = self.symbols[piece]
        # Spaces at the beginning and behind others are none.
        added = symbol.lstrip(SPACE) if not text or text[-1] == SPACE else symbol
        longer = text + added
        if longer not in contexts:
            contexts[longer] = self._context(contexts[text], added)
        path = _Node(node, piece, frame, frame + 1, prob)
        _add(after.setdefault(longer, {}), piece, mass, log_prob + math.log(prob), path)

    def _pruned(
        self, after: dict[str, _Slots], contexts: dict[str, _Context]
    ) -> tuple[dict[str, _Slots], float]:
        """The best texts, their masses divided by the greatest of them, which comes with them."""
        masses = {text: sum(slot[0] for slot in slots.values()) for text, slots in after.items()}
        scores = {
            text: _log(mass) + contexts[text].score + contexts[text].ahead for text, mass in masses.items()
        }
        ranked = sorted(scores, key=lambda text: -scores[text])[: self.settings.beam]
        least = scores[ranked[0]] - self.settings.beam_threshold
        kept = [text for text in ranked if scores[text] >= least]
        best = max(masses[text] for text in kept) or 1.0
        for text in kept:
            for slot in after[text].values():
                slot[0] /= best
        return {text: after[text] for text in kept}, best

    def _context(self, before: _Context, added: str) -> _Context:
        """Of a text that is longer by `added`."""
        state, score, word, place, _ = before
        for character in added:
            folded = fold(character)
            if not folded:
                continue
            if folded == SPACE:
                state, gain = self._word(state, word)
                score, word = score + gain, ""
            else:
                word += folded
            letter = self._letters[folded]
            score += self.settings.hotword_weight * float(self._hotwords.gain[place, letter])
            place = int(self._hotwords.next[place, letter])
        return _Context(state, score, word, place, self._ahead(word))

    def _word(self, state: int, word: str) -> tuple[int, float]:
        """The language model's state after a word, and what the word is worth."""
        if not word:
            return state, 0.0
        if self.lm is None:
            return state, self.settings.word_bonus
        number = self.lm.index(word)
        after, log_prob = advance(self.lm.arrays, state, number)
        price = self._price(word) if number == UNKNOWN_ID else 0.0
        return int(after), self.settings.lm_weight * float(log_prob) + self.settings.word_bonus + price

    def _price(self, word: str) -> float:
        """Of a word that the language model lacks."""
        if word in self._favoured:
            return 0.0
        return self.settings.unknown_word + len(word) * self.settings.unknown_letter

    def _ahead(self, word: str) -> float:
        """What a word pays while it is being spelt, if it can't become one that is known."""
        if self.lm is None or not word or any(each.startswith(word) for each in self._favoured):
            return 0.0
        place = bisect_left(self.lm.words, word, len(SPECIAL))
        if place < len(self.lm.words) and self.lm.words[place].startswith(word):
            return 0.0
        return self._price(word) + self.settings.look_ahead * self.settings.lm_weight * self._unknown

    def _end(self, context: _Context) -> float:
        """All that a text is worth beside its paths."""
        state, gain = self._word(context.lm_state, context.word)
        score = context.score + gain
        score += self.settings.hotword_weight * float(self._hotwords.end[context.place])
        if self.lm is not None:
            score += self.settings.lm_weight * float(advance(self.lm.arrays, state, END_ID)[1])
        return score

    def _tokens(self, node: _Node | None) -> tuple[Token, ...]:
        tokens = []
        while node is not None:
            tokens.append(Token(self.symbols[node.piece], node.start, node.end, min(1.0, node.peak)))
            node = node.before
        return tuple(tokens[::-1])

    def _encoded(self, phrase: str) -> list[int]:
        """A hotword in letters."""
        text = SPACE.join("".join(map(fold, word)) for word in phrase.split())
        strange = {letter for letter in text if letter not in self._letters}
        if strange or not text:
            raise ConfigError(
                f"Hotword {phrase!r} can't be written: the model has no {', '.join(map(repr, sorted(strange)))}."
                if strange
                else f"Hotword {phrase!r} is empty; expected one or more words."
            )
        return [self._letters[letter] for letter in text]

    def _checked(self, log_probs: Any) -> NDArray[np.float64]:
        matrix = np.ascontiguousarray(as_array(log_probs), dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.symbols):
            raise ConfigError(
                f"Got log-probabilities of shape {matrix.shape}; expected [frames, {len(self.symbols)}], one "
                "column for each symbol of the vocabulary. Decode with the vocabulary of the same model."
            )
        if np.isnan(matrix).any():
            raise ConfigError("Got log-probabilities with NaN among them; expected natural logs, 0 or less.")
        return matrix


def fold(text: Iterable[str]) -> str:
    """As words are looked up: small letters, digits, apostrophes and spaces; "" for punctuation.

    >>> fold("Don't!")
    "don't"
    """
    return "".join(c for c in "".join(text).lower() if c.isalnum() or c in ("'", SPACE))


def _add(slots: _Slots, last: int, mass: float, best: float, node: _Node | None) -> None:
    slot = slots.setdefault(last, [0.0, -math.inf, None])
    slot[0] += mass
    if best > slot[1]:
        slot[1], slot[2] = best, node


def _log(mass: float) -> float:
    return math.log(mass) if mass > 0.0 else -math.inf
