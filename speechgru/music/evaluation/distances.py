"""How far a set of pieces is from another: distances between what they are made of, with intervals.

The distance is Jensen and Shannon's divergence (Lin 1991) of two histograms in bits: 0 for equal shares, 1 where
nothing is in common. Its interval is a percentile bootstrap over pieces of both sets; drawing anew adds a difference of
its own, so for near sets it lies a little high. Two samples of the same music are not at distance 0 either, so `chance`
says how far sets of these sizes lie apart when all pieces are dealt out anew: the 95th percentile of that. What lies
beyond it is a difference between the sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.evaluation import statistics
from speechgru.music.score.notes import NoteSequence
from speechgru.utils.bootstrap import percentiles, resampled

Histogram = Callable[[NoteSequence], NDArray[np.int64]]

_SAMPLES = 1000


def _classes_in_key(piece: NoteSequence) -> NDArray[np.int64]:
    """Pitch classes from the tonic, so that pieces in different keys can be compared."""
    key = piece.keys[0].key if piece.keys else statistics.estimate_key(piece)
    return statistics.pitch_class_histogram(piece, key)


def _polyphony(piece: NoteSequence) -> NDArray[np.int64]:
    """Steps at which 0, 1, ... 10 and more pitches sound."""
    return np.bincount(np.minimum(statistics.sounding(piece), 10), minlength=11)


HISTOGRAMS: dict[str, Histogram] = {
    "pitches": statistics.pitch_histogram,
    "pitch classes from the tonic": _classes_in_key,
    "note lengths": statistics.length_histogram,
    "melody intervals": statistics.interval_histogram,
    "onsets in the beat": statistics.onset_histogram,
    "pitches at once": _polyphony,
}


@dataclass(frozen=True)
class Distance:
    """Between two sets, in bits; `interval` holds 95 % of the resamples (NaN where a set has one piece); `chance` as in
    the head of this file."""

    value: float
    interval: tuple[float, float]
    chance: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the sets differ by more than two samples of the same music mostly do."""
        return self.value > self.chance


def distances(
    first: Sequence[NoteSequence], second: Sequence[NoteSequence], *, samples: int = _SAMPLES, seed: int = 0
) -> dict[str, Distance]:
    """The distance of two sets of pieces in each of HISTOGRAMS.

    Raises:
        MusicError: a set has no piece with notes.
    """
    sets = [[piece for piece in pieces if piece.pitched()] for pieces in (first, second)]
    if not all(sets):
        raise MusicError("Both sets of pieces must have a piece with notes.")
    return {
        name: distance(
            *(np.array([histogram(p) for p in pieces]) for pieces in sets), samples=samples, seed=seed
        )
        for name, histogram in HISTOGRAMS.items()
    }


def distance(
    first: NDArray[np.int64], second: NDArray[np.int64], *, samples: int = _SAMPLES, seed: int = 0
) -> Distance:
    """The distance of two tables of counts [pieces, places], each with a count above 0 somewhere.

    Args:
        samples, seed: of the bootstrap; the same input and seed give the same interval.
    """
    drawn = [resampled(table, None, samples, seed + place) for place, table in enumerate((first, second))]
    spread = percentiles(divergence(*drawn)) if all(map(len, drawn)) else (np.nan, np.nan)
    generator = np.random.default_rng(seed)
    pooled = np.concatenate([first, second])
    dealt = []
    for _ in range(samples):
        order = generator.permutation(len(pooled))
        sums = (pooled[part].sum(axis=0) for part in (order[: len(first)], order[len(first) :]))
        dealt.append(divergence(*sums))
    chance = float(np.percentile(dealt, 95))
    return Distance(float(divergence(first.sum(axis=0), second.sum(axis=0))), spread, chance)


def divergence(first: NDArray[np.number], second: NDArray[np.number]) -> NDArray[np.float64]:
    """Jensen and Shannon's divergence in bits of counts [..., places], over the last axis.

    (KL(p, m) + KL(q, m)) / 2 with m = (p + q) / 2; NaN where one counts nothing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = (counts / counts.sum(axis=-1, keepdims=True) for counts in (first, second))
        middle = (p + q) / 2
        terms = [np.where(x > 0, x * np.log2(x / middle), x * 0) for x in (p, q)]
    bits: NDArray[np.float64] = np.maximum(sum(terms).sum(axis=-1) / 2, 0.0)
    return bits
