"""The calibration that makes a model's confidences probabilities, fitted on dev speech.

A word is right if it is a hit in the alignment with the reference. A logistic regression of the features of
`speechgru.inference.confidence` is fitted by maximum likelihood, the weights of all that grows with confidence 0 or
more, and `errors` such that the expected WER of all the speech is the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import SpeechGruError
from speechgru.evaluation.calibration_error import Reliability, measure
from speechgru.evaluation.wer import Counts
from speechgru.inference.confidence import Calibration, features
from speechgru.transcript import Word

RIDGE = 1e-3  # for each word: keeps weights finite where a feature tells nothing or everything
MIN_WORDS = 10  # right ones and wrong ones, that a fit wants of either


@dataclass(frozen=True)
class Reading:
    """The recognised words of an utterance against its reference.

    words: with the decoder's own confidences. characters: the confidences of each word's characters. right: whether
    each word is. counts: of the word errors.
    """

    words: tuple[Word, ...]
    characters: tuple[tuple[float, ...], ...]
    right: tuple[bool, ...]
    counts: Counts


def fit(readings: Sequence[Reading]) -> Calibration:
    """The calibration of greatest likelihood.

    Raises:
        SpeechGruError: there are fewer than MIN_WORDS right words, or wrong ones.
    """
    right = np.array([hit for reading in readings for hit in reading.right], np.float64)
    if min(right.sum(), len(right) - right.sum()) < MIN_WORDS:
        raise SpeechGruError(
            f"{int(right.sum())} of {len(right)} recognised words are right; expected {MIN_WORDS} or more right ones "
            f"and as many wrong ones. Give more dev speech."
        )
    table = np.array([features(word) for reading in readings for word in reading.characters])
    bias, mean, doubt, least, letters = (round(float(weight), 4) for weight in _weights(table, right))
    calibration = Calibration(bias, mean, doubt, least, letters, errors=1.0)
    expected = calibration.expected_wer([word for r in readings for word in _calibrated(r, calibration)])
    assert expected, "a logistic regression is never sure"
    errors = sum(reading.counts.errors for reading in readings)
    real = errors / sum(reading.counts.total for reading in readings)
    return replace(calibration, errors=round(real / expected, 4))


def _weights(table: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bias and weights of the logistic regression of `right` [words] on `table` [words, features]."""
    from scipy.optimize import minimize

    ones = np.concatenate([np.ones((len(table), 1)), table], axis=1)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = ones @ weights
        probability = 0.5 * (1 + np.tanh(score / 2))
        value = np.logaddexp(0.0, score).mean() - (right * score).mean() + RIDGE * weights[1:] @ weights[1:]
        return value, ones.T @ (probability - right) / len(right) + 2 * RIDGE * np.append(0, weights[1:])

    bounds = [(None, None), (0, None), (0, None), (0, None), (None, None)]
    best = minimize(loss, np.zeros(5), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000})
    weights: NDArray[np.float64] = best.x
    return weights


def reliability(readings: Sequence[Reading], calibration: Calibration | None) -> Reliability:
    """How far the confidences of `readings` can be trusted: calibrated ones, or with None the decoder's own."""
    words, files = [], []
    for reading in readings:
        calibrated = _calibrated(reading, calibration)
        words += [(word.confidence, hit) for word, hit in zip(calibrated, reading.right, strict=True)]
        expected = calibration.expected_wer(calibrated) if calibration else None
        if expected is not None and reading.counts.total:
            files.append((expected, reading.counts.rate, len(calibrated)))
    return measure(words, files)


def _calibrated(reading: Reading, calibration: Calibration | None) -> tuple[Word, ...]:
    return calibration.apply(reading.words, reading.characters) if calibration else reading.words
