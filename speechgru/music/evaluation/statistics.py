"""What a piece is made of, in numbers: pitches, lengths, intervals, scale, rhythm.

Where MusPy (Dong et al. 2020, "MusPy: a toolkit for symbolic music generation") has a measure of the same name, it is
defined by the same formula. MusPy 0.5's code leaves its formulas in three places, and isn't followed there: it counts
an empty bar or beat after a piece that ends on a bar line, it takes a beat for filled in whose first instant a note
ends, and "multiple pitches" are more than the threshold of 2.

Drums are left out but for groove consistency. A measure of a piece without what it counts is NaN.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.music.score import form
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import NoteSequence, nearest, spans
from speechgru.utils import json_text

GRID = 12
"""Steps in a beat by which time is measured, where no other is given."""
NGRAM = 4

_PROFILES = {
    "major": np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]),
    "minor": np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]),
}

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Measures:
    """A piece in numbers; each is defined by the function of its name, here or in form.py."""

    notes: int
    beats: float
    pitch_range: int
    pitches: int
    pitch_classes: int
    pitch_entropy: float
    pitch_class_entropy: float
    mean_length: float
    polyphony: float
    polyphony_rate: float
    empty_beat_rate: float
    scale_consistency: float
    groove_consistency: float
    mean_interval: float
    repeated_ngrams: float
    repeated_bars: float
    longest_loop: float
    whole_bars: float
    ends_on_tonic: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: an undefined number is None."""
        return json_text.defined(self)


def measure(piece: NoteSequence) -> Measures:
    """All measures of a piece."""
    notes = piece.pitched()
    pitches = [note.pitch for note in notes]
    intervals = melody_intervals(piece)
    return Measures(
        notes=len(notes),
        beats=piece.length,
        pitch_range=max(pitches) - min(pitches) if pitches else 0,
        pitches=len(set(pitches)),
        pitch_classes=len({pitch % 12 for pitch in pitches}),
        pitch_entropy=entropy(pitch_histogram(piece)),
        pitch_class_entropy=entropy(pitch_class_histogram(piece)),
        mean_length=float(np.mean([note.length for note in notes])) if notes else math.nan,
        polyphony=polyphony(piece),
        polyphony_rate=polyphony_rate(piece),
        empty_beat_rate=empty_beat_rate(piece),
        scale_consistency=scale_consistency(piece),
        groove_consistency=groove_consistency(piece),
        mean_interval=float(np.mean(np.abs(intervals))) if len(intervals) else math.nan,
        repeated_ngrams=repeated_ngrams(intervals),
        repeated_bars=form.repeated_bars(piece),
        longest_loop=form.longest_loop(piece),
        whole_bars=form.whole_bars(piece),
        ends_on_tonic=form.ends_on_tonic(piece),
    )


# ------------------------------------------------------------------------------------------------ histograms


def pitch_histogram(piece: NoteSequence) -> Counts:
    """How many notes have each pitch: [128]."""
    return np.bincount([note.pitch for note in piece.pitched()], minlength=128)


def pitch_class_histogram(piece: NoteSequence, key: Key | None = None) -> Counts:
    """How many notes have each pitch class, counted from `key`'s tonic (from C without): [12]."""
    tonic = key.tonic_class if key else 0
    return np.bincount([(note.pitch - tonic) % 12 for note in piece.pitched()], minlength=12)


def length_histogram(piece: NoteSequence, grid: int = GRID, longest: int = 8 * GRID) -> Counts:
    """How many notes last each number of steps, `longest` and longer ones together: [longest]; place 0 is one step."""
    steps = [min(end - start, longest) - 1 for start, end in spans(piece.pitched(), grid)]
    return np.bincount(steps, minlength=longest)


def interval_histogram(piece: NoteSequence, widest: int = 24) -> Counts:
    """How often the melody takes each interval, from `widest` semitones down to as many up, wider ones with the widest:
    [2 * widest + 1]."""
    intervals = np.clip(melody_intervals(piece), -widest, widest)
    return np.bincount(intervals + widest, minlength=2 * widest + 1)


def onset_histogram(piece: NoteSequence, grid: int = GRID) -> Counts:
    """How many notes begin at each step of a beat: [grid]."""
    return np.bincount([start % grid for start, _ in spans(piece.pitched(), grid)], minlength=grid)


def entropy(histogram: Sequence[int] | Counts) -> float:
    """-Σ p log2 p in bits, p the share of each place; NaN for nothing."""
    counts = np.asarray(histogram, dtype=np.float64)
    if not counts.sum():
        return math.nan
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0  # not -0.0


# ------------------------------------------------------------------------------------------------ melody


def melody(piece: NoteSequence) -> list[int]:
    """The highest pitch that begins at each time when one does."""
    highest: dict[float, int] = {}
    for note in piece.pitched():
        highest[note.start] = max(note.pitch, highest.get(note.start, 0))
    return list(highest.values())  # notes are sorted by start


def melody_intervals(piece: NoteSequence) -> Counts:
    """Semitones from each pitch of the melody to the next: [notes of the melody - 1]."""
    pitches = np.array(melody(piece), dtype=np.int64)
    return pitches[1:] - pitches[:-1]


def repeated_ngrams(values: Sequence[int] | Counts, n: int = NGRAM) -> float:
    """The share of all passages of `n` values on end that occurred before: 0 where none comes twice; NaN for fewer
    than `n` values."""
    values = [int(value) for value in values]
    ngrams = [tuple(values[place : place + n]) for place in range(len(values) - n + 1)]
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else math.nan


def common_ngrams(
    pieces: Sequence[NoteSequence], n: int = NGRAM, most: int = 10
) -> list[tuple[tuple[int, ...], int]]:
    """The `most` frequent passages of `n` melody intervals, and how often each occurs."""
    counts: Counter[tuple[int, ...]] = Counter()
    for piece in pieces:
        intervals = melody_intervals(piece).tolist()
        counts.update(tuple(intervals[place : place + n]) for place in range(len(intervals) - n + 1))
    return counts.most_common(most)


# ------------------------------------------------------------------------------------------------ time


def polyphony(piece: NoteSequence, grid: int = GRID) -> float:
    """Average number of pitches that sound at a step, over steps where one does (MusPy's polyphony).

    #(pitches on, summed over steps) / #(steps where a pitch is on)
    """
    counts = sounding(piece, grid)
    active = counts[counts > 0]
    return float(active.mean()) if len(active) else math.nan


def polyphony_rate(piece: NoteSequence, threshold: int = 2, grid: int = GRID) -> float:
    """Share of steps at which `threshold` pitches or more sound (MusPy's polyphony_rate).

    #(steps where >= threshold pitches are on) / #(steps)
    """
    counts = sounding(piece, grid)
    return float((counts >= threshold).mean()) if len(counts) else math.nan


def empty_beat_rate(piece: NoteSequence) -> float:
    """Share of beats at which no pitch sounds (MusPy's empty_beat_rate): #(empty beats) / #(beats)."""
    counts = sounding(piece, GRID)
    beats = -(-len(counts) // GRID)
    if not beats:
        return math.nan
    padded = np.pad(counts, (0, beats * GRID - len(counts)))
    return float((padded.reshape(beats, GRID).max(axis=1) == 0).mean())


def sounding(piece: NoteSequence, grid: int = GRID) -> Counts:
    """Number of different pitches that sound at each step: [steps]."""
    by_pitch: dict[int, list[tuple[int, int]]] = {}
    notes = piece.pitched()
    for note, span in zip(notes, spans(notes, grid)):
        by_pitch.setdefault(note.pitch, []).append(span)
    ends = [end for placed in by_pitch.values() for _, end in placed]
    steps = max([nearest(piece.length * grid), *ends])
    counts = np.zeros(steps, dtype=np.int64)
    for placed in by_pitch.values():
        on = np.zeros(steps, dtype=bool)
        for start, end in placed:
            on[start:end] = True
        counts += on
    return counts


def groove_consistency(piece: NoteSequence, grid: int = GRID) -> float:
    """How alike the rhythms of neighbouring bars are: 1 if all are the same (MusPy's groove_consistency; Wu and Yang
    2020, "The Jazz Transformer on the Front Line").

    1 - 1 / (T - 1) Σ d(G_i, G_i+1), G_i the onset vector of bar i (1 at each of its steps where a note begins, drums
    too, else 0), T the number of bars, d the share of steps in which two vectors differ. Neighbours of different length
    (the metre changes) are left out. NaN for fewer than two bars.
    """
    lines = [nearest(line * grid) for line in piece.bar_lines()]
    if len(lines) < 2:
        return math.nan
    # The last bar may be cut short by the end of the piece: it has the length of its metre all the same.
    last = nearest(piece.metres[-1].bar * grid) if piece.metres else 4 * grid
    onsets = np.zeros(lines[-1] + last + 1, dtype=bool)
    onsets[[start for start, _ in spans(piece.notes, grid)]] = True
    bars = [onsets[start:end] for start, end in pairwise([*lines, lines[-1] + last])]
    distances = [float((a != b).mean()) for a, b in pairwise(bars) if len(a) == len(b)]
    return 1 - float(np.mean(distances)) if distances else math.nan


# ------------------------------------------------------------------------------------------------ scale


def scale_consistency(piece: NoteSequence) -> float:
    """The largest share of notes in one scale (MusPy's scale_consistency; Mogren 2016, "C-RNN-GAN").

    max over roots and modes (major, natural minor) of #(notes in the scale) / #(notes)
    """
    histogram = pitch_class_histogram(piece)
    if not histogram.sum():
        return math.nan
    # A natural minor scale has the notes of its relative major, so the twelve major scales are all there are.
    return max(
        float(histogram[[(step + root) % 12 for step in Key("C").scale]].sum()) for root in range(12)
    ) / float(histogram.sum())


def estimate_key(piece: NoteSequence) -> Key | None:
    """The major or minor key whose profile (Krumhansl and Kessler 1982) correlates best with how long each pitch class
    sounds (Krumhansl and Schmuckler's algorithm; Krumhansl 1990, chapter 4); None without notes."""
    weights = np.zeros(12)
    for note in piece.pitched():
        weights[note.pitch % 12] += note.length
    if not weights.any():
        return None
    candidates = [
        (float(np.nan_to_num(np.corrcoef(np.roll(profile, root), weights)[0, 1])), root, mode)
        for mode, profile in _PROFILES.items()
        for root in range(12)
    ]
    _, root, mode = max(candidates, key=lambda candidate: candidate[0])
    first = Key("C" if mode == "major" else "A", mode)
    return first.transposed(root - first.tonic_class)
