"""Calibrated confidence: of the words that get 0.8, eight in ten should be right.

A decoder's confidences of characters are far too high. Four simple features of a word, weighted by a logistic
regression that is fitted on dev speech (`speechgru model calibrate`), make it the probability that the word is
right: Platt scaling (1999) extended by the second term of beta calibration (Kull et al. 2017), the least sure
character, and the length. The weights of all that grows with the characters' confidences are 0 or more, so a
calibrated confidence never falls when that of a character rises.

How good confidences are, speechgru.evaluation.calibration_error measures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from speechgru.transcript import Word

LEAST_DOUBT = 1e-4  # confidences count as within [LEAST_DOUBT, 1 - LEAST_DOUBT]: beyond lies rounding


@dataclass(frozen=True)
class Calibration:
    """The confidence of a word from those of its characters, for one network and one decoder.

    The probability that a word is right is 1 / (1 + exp(-x)), where x = bias + mean * ln c - doubt * ln(1 - c)
    + least * ln m + letters * ln n, for n characters with geometric mean c and minimum m of their confidences.

    errors: word errors (substituted, inserted and deleted) for each word that is likely to be wrong: more than
        1, as a word that is left out has no confidence.

    Raises:
        ValueError: a number that isn't finite, or below 0 where it may not be.
    """

    bias: float
    mean: float
    doubt: float
    least: float
    letters: float
    errors: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}; expected a finite number.")
            if value < 0 and name not in ("bias", "letters"):
                raise ValueError(f"{name} is {value}; expected 0 or more.")

    def probability(self, confidences: Sequence[float]) -> float:
        """That a word of characters with these `confidences` (at least one, in [0, 1]) is right."""
        weights = (self.mean, self.doubt, self.least, self.letters)
        score = self.bias + sum(w * f for w, f in zip(weights, features(confidences), strict=True))
        return 1.0 / (1.0 + math.exp(-max(min(score, 500.0), -500.0)))

    def apply(self, words: Sequence[Word], confidences: Sequence[Sequence[float]]) -> tuple[Word, ...]:
        """`words` with calibrated confidence, from those of each word's characters."""
        return tuple(
            replace(word, confidence=self.probability(characters))
            for word, characters in zip(words, confidences, strict=True)
        )

    def expected_wer(self, words: Sequence[Word]) -> float | None:
        """Word error rate to be expected of a transcript with these calibrated `words`; None without any.

        A fraction, as WER may be more than 1. Where nothing was recognised there is nothing to judge by.
        """
        if not words:
            return None
        return self.errors * sum(1.0 - word.confidence for word in words) / len(words)


def features(confidences: Sequence[float]) -> tuple[float, float, float, float]:
    """ln c, -ln(1 - c), ln m, ln n as in `Calibration`. All but the last grow with every confidence."""
    logs = [math.log(_inside(confidence)) for confidence in confidences]
    mean = sum(logs) / len(logs)
    return mean, -math.log(1.0 - _inside(math.exp(mean))), min(logs), math.log(len(logs))


def _inside(confidence: float) -> float:
    return min(max(confidence, LEAST_DOUBT), 1.0 - LEAST_DOUBT)
