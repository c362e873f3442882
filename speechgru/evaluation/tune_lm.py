"""Weights of a language model, chosen on dev recordings that the network has processed once.

What is minimised is word errors, pooled over all sets, by the simplex of Nelder and Mead (1965), which is begun anew
from the best point with smaller and smaller steps: the errors are whole numbers, and on a plateau a simplex collapses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from speechgru.data import Utterance, read_audio
from speechgru.decoding import Decoder
from speechgru.errors import SpeechGruError
from speechgru.evaluation import wer
from speechgru.inference import select
from speechgru.inference.chunking import MAX_SECONDS

if TYPE_CHECKING:
    from speechgru.decoding.beam import Decoder as BeamDecoder
    from speechgru.decoding.beam import Settings
    from speechgru.inference import CtcRecognizer

# Of each weight: the least and the greatest value, and the first step.
RANGES: Mapping[str, tuple[float, float, float]] = {
    "lm_weight": (0.0, 3.0, 0.2),
    "word_bonus": (-5.0, 8.0, 0.8),
    "unknown_word": (-20.0, 0.0, 4.0),
    "unknown_letter": (-3.0, 0.0, 0.5),
    "hotword_weight": (0.0, 6.0, 0.6),
    "sounds_weight": (0.0, 1.0, 0.1),
    "prior_weight": (0.0, 1.0, 0.2),
}
LM_WEIGHTS = ("lm_weight", "word_bonus", "unknown_word", "unknown_letter")
# Where the search begins for a model that has none: values that were near the best for english-small.
FIRST = {"prior_weight": 0.4, "sounds_weight": 0.7}
SCALES = (2.0, 1.0, 0.5, 0.25)  # first steps of one simplex after the other


@dataclass(frozen=True)
class Emissions:
    """The network's output for a set. left_out: utterances longer than one piece.

    log_probs: [frames, characters] of each utterance, and behind them those of phones, if the network has a phone head;
    `characters` says how many columns are the characters'.
    """

    name: str
    log_probs: tuple[NDArray[np.float32], ...]
    texts: tuple[str, ...]
    speakers: tuple[str, ...]
    left_out: int = 0
    characters: int | None = None

    def read(self, decoder: Decoder) -> list[str]:
        """What a decoder makes of the utterances, a thread a core: compiled searches run side by side."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            hypotheses = pool.map(
                lambda p: decoder(select.columns(decoder, p, self.characters)), self.log_probs
            )
            return [hypothesis.text for hypothesis in hypotheses]


@dataclass(frozen=True)
class Result:
    """Scores of one decoder: of all sets together, and of each."""

    total: wer.Score
    sets: tuple[wer.Score, ...]

    def beats(self, other: Result) -> bool:
        """Fewer word errors in all, and in no set more."""
        pairs = list(zip(self.sets, other.sets, strict=True))
        return self.total.wer < other.total.wer and all(a.wer <= b.wer for a, b in pairs)


def emissions(
    recognizer: CtcRecognizer, name: str, utterances: Sequence[Utterance], on_progress: Callable[[int], None]
) -> Emissions:
    """The network's output for each utterance, the gate and the decoder left aside.

    Args:
        on_progress: called with the number of utterances done so far.

    Raises:
        AudioError: a recording can't be read.
        SpeechGruError: every utterance is longer than one piece.
    """
    kept = [u for u in utterances if u.duration <= MAX_SECONDS]
    if not kept:
        raise SpeechGruError(f"{name} has no utterance of at most {MAX_SECONDS:g} s; give shorter ones.")
    log_probs = []
    for done, utterance in enumerate(kept):
        signal = read_audio(utterance, recognizer.sample_rate).signal
        log_probs.append(next(recognizer.outputs([signal])).astype(np.float32))
        on_progress(done + 1)
    speakers = tuple(u.speaker for u in kept)
    texts, left_out = tuple(u.text for u in kept), len(utterances) - len(kept)
    return Emissions(name, tuple(log_probs), texts, speakers, left_out, len(recognizer.engine.vocabulary))


def prior(sets: Sequence[Emissions]) -> tuple[float, ...]:
    """Natural logs of the mean probability of each column over all frames: what `prior` of the decoder `beam` wants."""
    frames = np.concatenate([log_probs for s in sets for log_probs in s.log_probs])
    mean = np.exp(frames.astype(np.float64)).mean(axis=0)
    return tuple(np.log(mean).round(4).tolist())


def measure(decoder: Decoder, sets: Sequence[Emissions], seed: int = 0) -> Result:
    """Scores of what `decoder` reads in `sets`; `seed` is that of the intervals."""
    aligned = [wer.align(s.texts, s.read(decoder)) for s in sets]
    scores = [wer.summarise(a, s.speakers, seed=seed) for a, s in zip(aligned, sets)]
    speakers = [speaker for s in sets for speaker in s.speakers]
    total = wer.summarise([a for part in aligned for a in part], speakers, seed=seed)
    return Result(total, tuple(scores))


class _EnoughError(Exception):
    """No trial is left."""


def tune(
    decoder: BeamDecoder,
    sets: Sequence[Emissions],
    names: Sequence[str] = LM_WEIGHTS,
    *,
    trials: int = 60,
    seed: int = 0,
    on_trial: Callable[[int, Settings, int], None] = lambda trial, settings, errors: None,
) -> Settings:
    """The settings with the fewest word errors among `trials`; those of `decoder` where nothing is better.

    Args:
        names: the weights to choose, of RANGES.
        trials: settings that are tried, at least 1: those of `decoder` first.
        seed: of the directions that a simplex begins in.
        on_trial: called after each trial with its number from 1, its settings and its word errors.
    """
    from scipy.optimize import minimize

    low, high, first = np.array([RANGES[name] for name in names]).T
    tried: dict[tuple[float, ...], int] = {}

    def at(point: Sequence[float]) -> Settings:
        values: dict[str, Any] = dict(zip(names, point))
        return replace(decoder.settings, **values)

    def errors(point: NDArray[np.float64]) -> int:
        rounded = tuple(np.clip(point, low, high).round(3).tolist())
        if rounded not in tried:
            if len(tried) == trials:
                raise _EnoughError
            settings = at(rounded) if tried else decoder.settings
            tried[rounded] = _errors(decoder.with_settings(settings), sets)
            on_trial(len(tried), settings, tried[rounded])
        return tried[rounded]

    best = np.array([getattr(decoder.settings, name) for name in names], np.float64)
    generator = np.random.default_rng(seed)
    with suppress(_EnoughError):
        for scale in SCALES:
            step = scale * first * generator.choice([-1, 1], len(names))
            step = np.where((low <= best + step) & (best + step <= high), step, -step)
            options = {
                "initial_simplex": np.vstack([best, best + np.diag(step)]),
                "xatol": 0.02,
                "fatol": 0.5,
            }
            minimize(errors, best, method="Nelder-Mead", options=options)
            best = np.array(min(tried, key=tried.__getitem__))
    lowest = min(tried, key=tried.__getitem__)
    return decoder.settings if lowest == next(iter(tried)) else at(lowest)


def _errors(decoder: BeamDecoder, sets: Sequence[Emissions]) -> int:
    texts = [text for s in sets for text in s.texts]
    decoded = [text for s in sets for text in s.read(decoder)]
    return sum(alignment.words.errors for alignment in wer.align(texts, decoded))
