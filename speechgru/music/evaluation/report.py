"""Judge pieces that a model made against pieces of people: what they are made of, faults, copies.

- **Measures** (statistics.py): the mean over the pieces of each set, and the difference of the means, generated minus
  reference, with a 95 % percentile bootstrap interval over the pieces of both sets, each drawn by itself. A piece in
  which a measure isn't defined is left out of its mean.
- **Distances** (distances.py): Jensen and Shannon's divergence of histograms, in bits, beside what chance makes.
- **Copies** (plagiarism.py): of each piece the longest passage that the learnt pieces have too, in any key.
- **Voice leading** (voice_leading.py): faults per 100 moves, where a set is in four voices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from speechgru.errors import MusicError
from speechgru.music.evaluation import distances, plagiarism, statistics
from speechgru.music.evaluation.distances import Distance
from speechgru.music.files.load import Named
from speechgru.music.score import chorale, voice_leading
from speechgru.music.score.chorale import VOICES
from speechgru.music.score.notes import NoteSequence
from speechgru.music.score.voice_leading import Faults
from speechgru.utils.bootstrap import percentiles, resampled

SAMPLES = 2000
NGRAMS = 5
GRID = 12


@dataclass(frozen=True)
class Difference:
    """Means of a measure over both sets (NaN where it is defined in no piece), and their difference with its interval
    (NaN where a set has fewer than two pieces)."""

    generated: float
    reference: float
    interval: tuple[float, float]

    @property
    def value(self) -> float:
        """Generated minus reference."""
        return self.generated - self.reference

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return bool(self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(frozen=True)
class Copy:
    """The longest passage of a generated piece that is in a learnt one, by names; `moves` 0: none."""

    piece: str
    moves: int
    beats: float
    share: float
    start: float
    of: str
    of_start: float


@dataclass(frozen=True)
class Leading:
    """Faults of the pieces of a set that are in four voices, and how many pieces these are."""

    faults: Faults
    pieces: int

    def rates(self) -> dict[str, float]:
        """Of each kind per 100: of moves for parallels, of chords for the others; NaN for none of these."""
        counts = dict.fromkeys(("parallel_fifths", "parallel_octaves", "hidden"), self.faults.moves)
        counts |= dict.fromkeys(("crossings", "spacing", "range"), self.faults.chords)
        return {kind: 100 * getattr(self.faults, kind) / n if n else math.nan for kind, n in counts.items()}


@dataclass(frozen=True)
class Report:
    """All of it. `generated` and `reference` are numbers of pieces; `common` the most frequent passages of melody
    intervals of each set; `leading` of both sets, None where no generated piece is in four voices."""

    generated: int
    reference: int
    measures: dict[str, Difference]
    distances: dict[str, Distance]
    histograms: dict[str, tuple[list[float], list[float]]]
    common: tuple[list[tuple[tuple[int, ...], int]], list[tuple[tuple[int, ...], int]]]
    copies: tuple[Copy, ...]
    leading: tuple[Leading, Leading] | None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: an undefined number is None."""
        plain: dict[str, Any] = _plain(
            {
                "pieces": {"generated": self.generated, "reference": self.reference},
                "measures": {
                    name: {**asdict(each), "difference": each.value} for name, each in self.measures.items()
                },
                "distances": {name: asdict(each) for name, each in self.distances.items()},
                "histograms": {
                    name: {"generated": first, "reference": second}
                    for name, (first, second) in self.histograms.items()
                },
                "melody_ngrams": {
                    name: [{"intervals": list(passage), "count": count} for passage, count in some]
                    for name, some in zip(("generated", "reference"), self.common)
                },
                "copies": [asdict(copy) for copy in self.copies],
                "voice_leading": None
                if self.leading is None
                else {
                    name: {"pieces": some.pieces, **asdict(some.faults), "per_100": some.rates()}
                    for name, some in zip(("generated", "reference"), self.leading)
                },
            }
        )
        return plain


def report(
    generated: Sequence[Named],
    reference: Sequence[Named],
    learnt: Sequence[Named] | None = None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Report:
    """Judge `generated` pieces.

    Args:
        reference: what they should be like; held-out pieces, where there are some.
        learnt: what they may not be copied from; None: `reference`.
        samples, seed: of the bootstrap; the same input and seed give the same intervals.

    Raises:
        MusicError: a set has no piece with notes.
    """
    own, other = ([piece.notes for piece in some if piece.notes.pitched()] for some in (generated, reference))
    if not own or not other:
        raise MusicError("Both sets must have a piece with notes.")
    return Report(
        generated=len(own),
        reference=len(other),
        measures=differences(own, other, samples, seed),
        distances=distances.distances(own, other, samples=samples // 2, seed=seed),
        histograms={
            name: (_shares(histogram, own), _shares(histogram, other))
            for name, histogram in distances.HISTOGRAMS.items()
        },
        common=(statistics.common_ngrams(own, most=NGRAMS), statistics.common_ngrams(other, most=NGRAMS)),
        copies=copies(generated, reference if learnt is None else learnt),
        leading=_leadings(own, other),
    )


def differences(
    generated: Sequence[NoteSequence],
    reference: Sequence[NoteSequence],
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Difference]:
    """Each of `statistics.Measures`, of both sets."""
    tables = [
        np.array([list(asdict(statistics.measure(piece)).values()) for piece in some], dtype=np.float64)
        for some in (generated, reference)
    ]
    means = [_means(np.nan_to_num(t).sum(axis=0), (~np.isnan(t)).sum(axis=0)) for t in tables]
    drawn = [_drawn(table, samples, seed + place) for place, table in enumerate(tables)]
    by_measure = {}
    for column, field in enumerate(fields(statistics.Measures)):
        ends = (math.nan, math.nan)
        if all(map(len, drawn)):
            values = drawn[0][:, column] - drawn[1][:, column]
            ends = percentiles(values[~np.isnan(values)])
        by_measure[field.name] = Difference(float(means[0][column]), float(means[1][column]), ends)
    return by_measure


def _drawn(table: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Means of resamples of a table [pieces, measures], NaN where undefined: [samples, measures]."""
    count = table.shape[1]
    sums = resampled(np.hstack([np.nan_to_num(table), ~np.isnan(table)]), None, samples, seed)
    return _means(sums[:, :count], sums[:, count:])


def _means(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        means: np.ndarray = sums / counts
        return means


def _shares(histogram: distances.Histogram, pieces: Sequence[NoteSequence]) -> list[float]:
    counts = np.sum([histogram(piece) for piece in pieces], axis=0)
    shares: list[float] = (counts / max(counts.sum(), 1)).tolist()
    return shares


def copies(generated: Sequence[Named], learnt: Sequence[Named]) -> tuple[Copy, ...]:
    """Of each generated piece the longest passage that is in a learnt one, in the order of the pieces."""
    index = plagiarism.Index([piece.notes for piece in learnt])
    longest = []
    for piece in generated:
        passage = index.longest(piece.notes)
        of = learnt[passage.piece].name if passage.moves else ""
        longest.append(
            Copy(
                piece.name,
                passage.moves,
                passage.beats,
                passage.share,
                passage.start,
                of,
                passage.piece_start,
            )
        )
    return tuple(longest)


def leading(pieces: Sequence[NoteSequence]) -> Leading:
    """Faults of those pieces that are in four voices, each with one note at a time."""
    total, count = Faults(), 0
    for piece in pieces:
        if piece.voices != list(range(len(VOICES))):
            continue
        try:
            parts = chorale.to_parts(piece, GRID)
        except MusicError:
            continue  # a voice that sings two notes at once: no choir
        total, count = total + voice_leading.faults(parts), count + 1
    return Leading(total, count)


def _leadings(
    generated: Sequence[NoteSequence], reference: Sequence[NoteSequence]
) -> tuple[Leading, Leading] | None:
    own = leading(generated)
    return (own, leading(reference)) if own.pieces else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
