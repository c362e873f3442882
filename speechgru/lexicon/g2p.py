"""How words sound that no dictionary knows: a joint-sequence model of letters and sounds.

A graphone is a letter with the sounds that it stands for, none to two of them (`p` and `h` of *phone* are F and
nothing). The words of a dictionary are cut into graphones by expectation maximisation, an n-gram model is learnt of
them, and a new word is said as the likeliest row of graphones that spells it (Bisani and Ney 2008, doi
10.1016/j.specom.2008.01.002; graphones of one letter, so that the search goes letter by letter).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import ConfigError, LanguageModelError
from speechgru.lexicon import dictionary as pronunciation
from speechgru.lexicon.dictionary import Dictionary
from speechgru.lm import bit_packing, slm
from speechgru.lm import packed_query as ngram
from speechgru.lm.corpus import Reader, Scratch
from speechgru.lm.estimate import Settings, make
from speechgru.lm.ngram import NGram, from_table
from speechgru.lm.packed_query import advance
from speechgru.lm.table import END_ID, SPECIAL
from speechgru.utils import jit
from speechgru.utils.assets import ASSETS

ORDER = 7
ROUNDS = 8  # of expectation maximisation; the likelihood hardly rises any more
BEAM = 24  # a third of it is nearly as good and takes half the time
QUICK_BEAM = 8
SUFFIX = ".graphones"
MANY = 2000  # words; they take a second or two
JOIN = "\x1f"  # between two sounds of a graphone: in no name of a sound

_log = logging.getLogger(__name__)
njit = jit.compiled(__file__, ngram.__file__, bit_packing.__file__)


@dataclass(frozen=True)
class Graphones:
    """The graphones of a model by letter: those of letter i are first[i] to first[i + 1].

    word: id in the n-gram model; sounds: up to two numbers of sounds, 0 for none.
    """

    letters: str
    first: NDArray[np.int64]
    word: NDArray[np.int64]
    sounds: NDArray[np.int64]


class Speller:
    """Says words: Speller(model, sounds).say("speechgru").

    Args:
        model: n-grams of graphones, as `learn` makes them.
        sounds: their names, as in `Dictionary.sounds`.
        beam: rows of graphones that are kept from letter to letter.
    """

    def __init__(self, model: NGram, sounds: tuple[str, ...], beam: int = BEAM) -> None:
        self.model, self.sounds, self.beam = model, sounds, beam
        self._graphones = _inventory(model, sounds)

    def say(self, word: str) -> tuple[int, ...] | None:
        """The sounds of a word, as numbers of `sounds` counted from 1; None where a letter is unknown."""
        known = self._graphones.letters
        if not word or any(letter not in known for letter in word):
            return None
        letters = np.array([known.index(letter) for letter in word])
        parts = self._graphones
        said = _say(
            letters,
            parts.first,
            parts.word,
            parts.sounds,
            self.model.arrays.frozen(),
            self.model.start,
            self.beam,
        )
        return tuple(said.tolist()) or None


class Pronouncer:
    """Says any word: as the dictionary does, or where that doesn't know it by its graphones.

    Args:
        dictionary: asked first.
        speller: of the same sounds.
    """

    def __init__(self, dictionary: Dictionary, speller: Speller) -> None:
        self.sounds = dictionary.sounds
        self._known: dict[str, tuple[int, ...] | None] = dict(dictionary.words)
        self._speller = speller

    def announce(self, words: Iterable[str]) -> None:
        """Say on the log that these words will take some seconds, if they will."""
        unknown = sum(word not in self._known for word in words)
        if unknown > MANY:
            _log.warning("speechgru: working out how %d words sound that no dictionary knows.", unknown)

    def word(self, word: str) -> tuple[int, ...] | None:
        """The sounds of a word, as numbers of `sounds` counted from 1; None where it has a letter that none has."""
        if word not in self._known:
            self._known[word] = self._speller.say(word)
        return self._known[word]

    def completed(self, words: Iterable[str]) -> Dictionary:
        """A dictionary of all that was said so far and of `words`, as far as they can be said."""
        for word in words:
            self.word(word)
        return Dictionary(self.sounds, {word: said for word, said in self._known.items() if said})

    def text(self, text: str) -> list[int] | None:
        """The sounds of a normalised text, a space between words; None where a word can't be said."""
        return pronunciation.joined(text, self.word)


def packaged(name: str) -> Pronouncer:
    """What says words with a dictionary that comes with the package.

    Raises:
        ConfigError: there is none of that name.
    """
    names = pronunciation.packaged()
    if name not in names:
        raise ConfigError(
            f"There is no pronouncing dictionary {name!r}; expected one of: {', '.join(names)}."
        )
    dictionary = pronunciation.load(names[name])
    model = NGram(*slm.load(ASSETS / f"{name}{SUFFIX}"))
    return Pronouncer(dictionary, Speller(model, dictionary.sounds, QUICK_BEAM))


def learn(dictionary: Dictionary, order: int = ORDER, max_size: int | None = None) -> NGram:
    """N-grams of the graphones that the words of a dictionary are made of.

    Args:
        max_size: of the model in bytes; what matters least is left out.

    Raises:
        LanguageModelError: no word of the dictionary has letters enough for its sounds.
    """
    with Scratch() as scratch:
        reader = Reader(scratch)
        reader.add(cut(dictionary))
        return from_table(make(reader.corpus(), Settings(order=order, max_size=max_size), scratch), 8)


def completed(dictionary: Dictionary, words: Iterable[str]) -> Dictionary:
    """The dictionary with those of `words` that it lacks, said as its own words are; those with letters that it never
    has are left out."""
    missing = sorted({word for word in words if word not in dictionary.words})
    if not missing:
        return dictionary
    try:
        speller = Speller(learn(dictionary), dictionary.sounds)
    except LanguageModelError as error:
        _log.warning("%d words can't be said: %s", len(missing), error)
        return dictionary
    return Pronouncer(dictionary, speller).completed(missing)


def cut(dictionary: Dictionary) -> Iterator[str]:
    """Each word as its likeliest row of graphones, `p:F h: o:OW n:N e:`, with JOIN between two sounds; words with more
    sounds than graphones hold are passed over."""
    words = [word for word, said in dictionary.words.items() if word and len(said) <= 2 * len(word)]
    if not words:
        raise LanguageModelError(
            "No word of the dictionary has half as many letters as sounds; expected some."
        )
    letters = "".join(sorted({letter for word in words for letter in word}))
    number = {letter: i for i, letter in enumerate(letters)}
    spelt = np.array([number[letter] for word in words for letter in word])
    said = np.array([sound for word in words for sound in dictionary.words[word]])
    ends = np.cumsum([[len(w), len(dictionary.words[w])] for w in words], axis=0)
    sounds = len(dictionary.sounds) + 1
    weights = np.ones((len(letters), sounds, sounds))
    # At first any graphone is as likely as any; two sounds of one letter are to be the exception.
    weights[:, 1:, 1:] = 0.05
    for _ in range(ROUNDS):
        weights = _expected(spelt, said, ends, weights)
        weights /= weights.sum(axis=(1, 2), keepdims=True)
    names = ("", *dictionary.sounds)
    pairs = _best(spelt, said, ends, weights)
    start = 0
    for word in words:
        rows = pairs[start : start + len(word)].tolist()
        start += len(word)
        if rows[0][0] >= 0:
            yield " ".join(_graphone(letter, (names[a], names[b])) for letter, (a, b) in zip(word, rows))


def _graphone(letter: str, sounds: tuple[str, str]) -> str:
    return f"{letter}:{JOIN.join(filter(None, sounds))}"


def _inventory(model: NGram, sounds: tuple[str, ...]) -> Graphones:
    number = {name: i for i, name in enumerate(sounds, start=1)}
    found: dict[str, list[tuple[int, tuple[int, int]]]] = {}
    for word in range(len(SPECIAL), len(model.words)):
        letter, said = model.words[word][0], model.words[word][2:]
        try:
            first, second = ([number[name] for name in said.split(JOIN) if name] + [0, 0])[:2]
        except KeyError as error:
            raise LanguageModelError(
                f"The graphone {model.words[word]!r} has the sound {error}; expected some of {' '.join(sounds[1:])}."
            ) from None
        found.setdefault(letter, []).append((word, (first, second)))
    letters = "".join(sorted(found))
    sizes = [len(found[letter]) for letter in letters]
    rows = [row for letter in letters for row in found[letter]]
    return Graphones(
        letters,
        np.cumsum([0, *sizes]),
        np.array([word for word, _ in rows]),
        np.array([pair for _, pair in rows]).reshape(-1, 2),
    )


@njit
def _expected(
    spelt: NDArray[np.int64], said: NDArray[np.int64], ends: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How often each graphone is expected [letters, sounds, sounds]: the forward-backward algorithm over each word's
    ways to share out its sounds among its letters."""
    counts = np.zeros_like(weights)
    letter_start, sound_start = 0, 0
    for letter_end, sound_end in ends:
        letters, sounds = spelt[letter_start:letter_end], said[sound_start:sound_end]
        letter_start, sound_start = letter_end, sound_end
        n, m = len(letters), len(sounds)
        forward, backward = np.zeros((n + 1, m + 1)), np.zeros((n + 1, m + 1))
        forward[0, 0] = backward[n, m] = 1.0
        for i in range(n):
            for j in range(m + 1):
                for k in range(min(2, m - j) + 1):
                    forward[i + 1, j + k] += forward[i, j] * _weight(weights, letters[i], sounds, j, k)
        if forward[n, m] <= 0:
            continue
        for i in range(n - 1, -1, -1):
            for j in range(m + 1):
                for k in range(min(2, m - j) + 1):
                    here = _weight(weights, letters[i], sounds, j, k) * backward[i + 1, j + k]
                    backward[i, j] += here
                    a, b = _pair(sounds, j, k)
                    counts[letters[i], a, b] += forward[i, j] * here / forward[n, m]
    return counts


@njit
def _best(
    spelt: NDArray[np.int64], said: NDArray[np.int64], ends: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Sounds of each letter of each word on its best way [all letters, 2]; -1 where a word has none."""
    found = np.full((len(spelt), 2), -1)
    letter_start, sound_start = 0, 0
    for letter_end, sound_end in ends:
        letters, sounds = spelt[letter_start:letter_end], said[sound_start:sound_end]
        n, m = len(letters), len(sounds)
        best, steps = np.zeros((n + 1, m + 1)), np.zeros((n + 1, m + 1), np.int64)
        best[0, 0] = 1.0
        for i in range(n):
            for j in range(m + 1):
                for k in range(min(2, m - j) + 1):
                    score = best[i, j] * _weight(weights, letters[i], sounds, j, k)
                    if score > best[i + 1, j + k]:
                        best[i + 1, j + k], steps[i + 1, j + k] = score, k
        if best[n, m] > 0:
            j = m
            for i in range(n, 0, -1):
                k = steps[i, j]
                j -= k
                found[letter_start + i - 1] = _pair(sounds, j, k)
        letter_start, sound_start = letter_end, sound_end
    return found


@njit
def _pair(sounds: NDArray[np.int64], j: int, k: int) -> tuple[int, int]:
    """The `k` sounds from `j` on, 0 for none."""
    return (sounds[j] if k > 0 else 0, sounds[j + 1] if k > 1 else 0)


@njit
def _weight(weights: NDArray[np.float64], letter: int, sounds: NDArray[np.int64], j: int, k: int) -> float:
    a, b = _pair(sounds, j, k)
    weight: float = weights[letter, a, b]
    return weight


@njit
def _say(
    letters: NDArray[np.int64],
    first: NDArray[np.int64],
    word: NDArray[np.int64],
    sounds: NDArray[np.int64],
    lm: Any,
    start: int,
    beam: int,
) -> NDArray[np.int64]:
    """Sounds of the likeliest row of graphones, by a beam search letter by letter."""
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
    said, count = np.empty(2 * len(letters), np.int64), 0
    for at in range(len(letters) - 1, -1, -1):
        for k in (1, 0):
            sound = sounds[chosen[at, best], k]
            if sound:
                said[count] = sound
                count += 1
        best = back[at, best]
    forwards: NDArray[np.int64] = said[:count][::-1].copy()
    return forwards
