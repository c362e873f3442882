"""Graphones of a pronouncing dictionary: words cut into letters with their phones, and n-grams of these.

A graphone is a letter with the phones that it stands for, none to two of them (`p` and `h` of *phone* are F and
nothing). The words of a dictionary are cut into graphones by expectation maximisation, and an n-gram model is
estimated on them (Bisani and Ney 2008, doi 10.1016/j.specom.2008.01.002). `speechgru.lexicon.g2p` applies it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import LanguageModelError
from speechgru.lexicon.dictionary import Dictionary
from speechgru.lexicon.g2p import JOIN, GraphoneModel, Pronouncer
from speechgru.lm import NGram, build
from speechgru.lm.estimate import Settings
from speechgru.utils import jit

ORDER = 7
ROUNDS = 8  # of expectation maximisation; the likelihood hardly rises any more
MOST = 2  # phones of a graphone

_log = logging.getLogger(__name__)
njit = jit.compiled(__file__)
Labels = NDArray[np.int64]
Weights = NDArray[np.float64]  # of graphones [letters, phones + 1, phones + 1], 0 for no phone


def learn(dictionary: Dictionary, order: int = ORDER, max_size: int | None = None) -> NGram:
    """N-grams of the graphones that the words of a dictionary are made of.

    Args:
        max_size: of the model in bytes; n-grams that matter least are pruned.

    Raises:
        LanguageModelError: no word of the dictionary has letters enough for its phones.
    """
    return build(cut(dictionary), Settings(order=order, max_size=max_size, discount_fallback=True))


def cut(dictionary: Dictionary) -> Iterator[str]:
    """Each word as its likeliest row of graphones, `p:F h: o:OW n:N e:`, with JOIN between two phones. Words with more
    phones than graphones hold are left out.

    Raises:
        LanguageModelError: no word is left.
    """
    words = [word for word, phones in dictionary.words.items() if word and len(phones) <= MOST * len(word)]
    if not words:
        raise LanguageModelError(
            "No word of the dictionary has half as many letters as phones; expected some."
        )
    letters = "".join(sorted({letter for word in words for letter in word}))
    number = {letter: i for i, letter in enumerate(letters)}
    spelling = np.array([number[letter] for word in words for letter in word])
    phones = np.array([phone for word in words for phone in dictionary.words[word]])
    ends = np.cumsum([[len(w), len(dictionary.words[w])] for w in words], axis=0)
    count = len(dictionary.phones) + 1
    weights = np.ones((len(letters), count, count))
    # At first all graphones are equally likely; but two phones of one letter are to be the exception.
    weights[:, 1:, 1:] = 0.05
    for _ in range(ROUNDS):
        weights = _expected_counts(spelling, phones, ends, weights)
        weights /= weights.sum(axis=(1, 2), keepdims=True)
    names = ("", *dictionary.phones)
    pairs = _best_pairs(spelling, phones, ends, weights)
    start = 0
    for word in words:
        rows = pairs[start : start + len(word)].tolist()
        start += len(word)
        if rows[0][0] >= 0:
            yield " ".join(_graphone(letter, (names[a], names[b])) for letter, (a, b) in zip(word, rows))


def completed(dictionary: Dictionary, words: Iterable[str]) -> Dictionary:
    """The dictionary with those of `words` that it lacks, pronounced as its own words are; those with letters that it
    never has are left out."""
    missing = sorted({word for word in words if word not in dictionary.words})
    if not missing:
        return dictionary
    try:
        model = GraphoneModel(learn(dictionary), dictionary.phones)
    except LanguageModelError as error:
        _log.warning("%d words can't be pronounced: %s", len(missing), error)
        return dictionary
    return Pronouncer(dictionary, model).completed(missing)


def _graphone(letter: str, phones: tuple[str, str]) -> str:
    return f"{letter}:{JOIN.join(filter(None, phones))}"


@njit
def _expected_counts(spelling: Labels, phones: Labels, ends: Labels, weights: Weights) -> Weights:
    """How often each graphone is expected: the forward-backward algorithm over each word's ways to share out its
    phones among its letters."""
    counts = np.zeros_like(weights)
    letter_start, phone_start = 0, 0
    for letter_end, phone_end in ends:
        letters, word = spelling[letter_start:letter_end], phones[phone_start:phone_end]
        letter_start, phone_start = letter_end, phone_end
        n, m = len(letters), len(word)
        forward, backward = np.zeros((n + 1, m + 1)), np.zeros((n + 1, m + 1))
        forward[0, 0] = backward[n, m] = 1.0
        for i in range(n):
            for j in range(m + 1):
                for k in range(min(MOST, m - j) + 1):
                    forward[i + 1, j + k] += forward[i, j] * _weight(weights, letters[i], word, j, k)
        if forward[n, m] <= 0:
            continue
        for i in range(n - 1, -1, -1):
            for j in range(m + 1):
                for k in range(min(MOST, m - j) + 1):
                    here = _weight(weights, letters[i], word, j, k) * backward[i + 1, j + k]
                    backward[i, j] += here
                    a, b = _pair(word, j, k)
                    counts[letters[i], a, b] += forward[i, j] * here / forward[n, m]
    return counts


@njit
def _best_pairs(spelling: Labels, phones: Labels, ends: Labels, weights: Weights) -> Labels:
    """Phones of each letter of each word on its best path [all letters, 2]; -1 where a word has none."""
    pairs = np.full((len(spelling), 2), -1)
    letter_start, phone_start = 0, 0
    for letter_end, phone_end in ends:
        letters, word = spelling[letter_start:letter_end], phones[phone_start:phone_end]
        n, m = len(letters), len(word)
        best, steps = np.zeros((n + 1, m + 1)), np.zeros((n + 1, m + 1), np.int64)
        best[0, 0] = 1.0
        for i in range(n):
            for j in range(m + 1):
                for k in range(min(MOST, m - j) + 1):
                    score = best[i, j] * _weight(weights, letters[i], word, j, k)
                    if score > best[i + 1, j + k]:
                        best[i + 1, j + k], steps[i + 1, j + k] = score, k
        if best[n, m] > 0:
            j = m
            for i in range(n, 0, -1):
                k = steps[i, j]
                j -= k
                pairs[letter_start + i - 1] = _pair(word, j, k)
        letter_start, phone_start = letter_end, phone_end
    return pairs


@njit
def _pair(phones: Labels, j: int, k: int) -> tuple[int, int]:
    """The `k` phones from `j` on, 0 for none."""
    return (phones[j] if k > 0 else 0, phones[j + 1] if k > 1 else 0)


@njit
def _weight(weights: Weights, letter: int, phones: Labels, j: int, k: int) -> float:
    a, b = _pair(phones, j, k)
    weight: float = weights[letter, a, b]
    return weight
