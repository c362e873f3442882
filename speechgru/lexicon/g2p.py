"""Grapheme-to-phoneme conversion: the phones of any word, by a joint-sequence model of letters and phones.

A new word is pronounced as the likeliest row of graphones that spells it (Bisani and Ney 2008, doi
10.1016/j.specom.2008.01.002). A graphone is a letter with none to two phones, so that the search goes letter by letter;
`speechgru.lexicon.graphones` makes the model from a dictionary.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import ConfigError, LanguageModelError
from speechgru.lexicon import dictionary as dictionaries
from speechgru.lexicon.dictionary import Dictionary
from speechgru.lm import NGram, bit_packing, slm
from speechgru.lm import packed_query as ngram
from speechgru.lm.packed_query import advance
from speechgru.lm.table import END_ID, SPECIAL
from speechgru.utils import jit
from speechgru.utils.assets import ASSETS

BEAM = 24  # a third of it is nearly as good and takes half the time
QUICK_BEAM = 8
SUFFIX = ".graphones"
MANY = 2000  # words; they take a second or two
JOIN = "\x1f"  # between two phones of a graphone: in no name of a phone

_log = logging.getLogger(__name__)
njit = jit.compiled(__file__, ngram.__file__, bit_packing.__file__)


class Inventory(NamedTuple):
    """The graphones of a model by letter: those of letter i are first[i] to first[i + 1].

    first: int64 [letters + 1]; word: id in the n-gram model, int64 [graphones]; phones: up to two numbers of phones,
    0 for none, int64 [graphones, 2].
    """

    first: NDArray[np.int64]
    word: NDArray[np.int64]
    phones: NDArray[np.int64]


class GraphoneModel:
    """GraphoneModel(model, phones).pronounce("speechgru") -> numbers of phones.

    Args:
        model: n-grams of graphones, as `graphones.learn` makes them.
        phones: their names, as in `Dictionary.phones`.
        beam: rows of graphones that are kept from letter to letter.

    Raises:
        LanguageModelError: the model has other phones.
    """

    def __init__(self, model: NGram, phones: tuple[str, ...], beam: int = BEAM) -> None:
        self.model, self.phones, self.beam = model, phones, beam
        self._letters, self._inventory = _inventory(model, phones)

    def pronounce(self, word: str) -> tuple[int, ...] | None:
        """The phones of a word, as numbers of `phones` counted from 1; None where a letter is unknown."""
        if not word or any(letter not in self._letters for letter in word):
            return None
        letters = np.array([self._letters.index(letter) for letter in word])
        arrays = self.model.arrays.frozen()
        return tuple(_decode(letters, self._inventory, arrays, self.model.start, self.beam).tolist()) or None


class Pronouncer:
    """The phones of any word: the dictionary's, or where that lacks it those of a graphone model.

    Args:
        dictionary: comes first.
        graphones: with the same phones.
    """

    def __init__(self, dictionary: Dictionary, graphones: GraphoneModel) -> None:
        self.phones = dictionary.phones
        self._words: dict[str, tuple[int, ...] | None] = dict(dictionary.words)
        self._graphones = graphones

    def announce(self, words: Iterable[str]) -> None:
        """Warn on the log where pronouncing these words will take some seconds."""
        unknown = sum(word not in self._words for word in words)
        if unknown > MANY:
            _log.warning("speechgru: pronouncing %d words that no dictionary has.", unknown)

    def word(self, word: str) -> tuple[int, ...] | None:
        """The phones of a word, as numbers of `phones` counted from 1; None where it has an unknown letter."""
        if word not in self._words:
            self._words[word] = self._graphones.pronounce(word)
        return self._words[word]

    def completed(self, words: Iterable[str]) -> Dictionary:
        """A dictionary of all words so far and of `words`, as far as they can be pronounced."""
        for word in words:
            self.word(word)
        return Dictionary(self.phones, {word: phones for word, phones in self._words.items() if phones})

    def text(self, text: str) -> list[int] | None:
        """The phones of a normalised text, a space between words; None where a word can't be pronounced."""
        return dictionaries.pronounced(text, self.word)


def packaged(name: str) -> Pronouncer:
    """Pronounces by a dictionary that comes with the package, and its graphone model.

    Raises:
        ConfigError: there is none of that name.
    """
    names = dictionaries.packaged()
    if name not in names:
        raise ConfigError(
            f"There is no pronouncing dictionary {name!r}; expected one of: {', '.join(names)}."
        )
    dictionary = dictionaries.load(names[name])
    model = NGram(*slm.load(ASSETS / f"{name}{SUFFIX}"))
    return Pronouncer(dictionary, GraphoneModel(model, dictionary.phones, QUICK_BEAM))


def _inventory(model: NGram, phones: tuple[str, ...]) -> tuple[str, Inventory]:
    """The letters of a model, and the graphones of each."""
    number = {name: i for i, name in enumerate(phones, start=1)}
    by_letter: dict[str, list[tuple[int, tuple[int, int]]]] = {}
    for word in range(len(SPECIAL), len(model.words)):
        letter, names = model.words[word][0], model.words[word][2:]
        try:
            first, second = ([number[name] for name in names.split(JOIN) if name] + [0, 0])[:2]
        except KeyError as error:
            raise LanguageModelError(
                f"The graphone {model.words[word]!r} has the phone {error}; expected some of {' '.join(phones[1:])}."
            ) from None
        by_letter.setdefault(letter, []).append((word, (first, second)))
    letters = "".join(sorted(by_letter))
    rows = [row for letter in letters for row in by_letter[letter]]
    return letters, Inventory(
        np.cumsum([0, *(len(by_letter[letter]) for letter in letters)]),
        np.array([word for word, _ in rows]),
        np.array([pair for _, pair in rows]).reshape(-1, 2),
    )


@njit
def _decode(
    letters: NDArray[np.int64], inventory: Inventory, lm: Any, start: int, beam: int
) -> NDArray[np.int64]:
    """Phones of the likeliest row of graphones, by a beam search letter by letter."""
    first, word, phones = inventory
    size = 1
    state, score = np.zeros(beam, np.int64), np.zeros(beam)
    state[0] = start
    back = np.zeros((len(letters), beam), np.int64)
    chosen = np.zeros((len(letters), beam), np.int64)
    for at in range(len(letters)):
        low, high = first[letters[at]], first[letters[at] + 1]
        options = high - low
        states, scores = np.empty(size * options, np.int64), np.empty(size * options)
        for place in range(size):
            for option in range(options):
                new, gain = advance(lm, state[place], word[low + option])
                states[place * options + option] = new
                scores[place * options + option] = score[place] + gain
        order = np.argsort(-scores)[:beam]
        size = len(order)
        for place in range(size):
            state[place], score[place] = states[order[place]], scores[order[place]]
            back[at, place], chosen[at, place] = order[place] // options, low + order[place] % options
    best, highest = 0, -np.inf
    for place in range(size):
        total = score[place] + advance(lm, state[place], END_ID)[1]
        if total > highest:
            best, highest = place, total
    backwards, count = np.empty(2 * len(letters), np.int64), 0
    for at in range(len(letters) - 1, -1, -1):
        for k in (1, 0):
            phone = phones[chosen[at, best], k]
            if phone:
                backwards[count] = phone
                count += 1
        best = back[at, best]
    forwards: NDArray[np.int64] = backwards[:count][::-1].copy()
    return forwards
