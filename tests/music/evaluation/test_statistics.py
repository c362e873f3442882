"""Measures of pieces: against values worked out by hand from the formulas."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.music import Note, NoteSequence
from speechgru.music.evaluation import statistics
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import Metre


def tune(*pitches: int, length: float = 1.0) -> NoteSequence:
    return NoteSequence(tuple(Note(i * length, p, (i + 1) * length) for i, p in enumerate(pitches)))


def test_histograms_and_entropies() -> None:
    piece = tune(60, 60, 67, 72)
    assert statistics.pitch_histogram(piece)[[60, 67, 72]].tolist() == [2, 1, 1]
    assert statistics.pitch_class_histogram(piece)[[0, 7]].tolist() == [3, 1]
    assert statistics.pitch_class_histogram(piece, Key("G"))[[5, 0]].tolist() == [3, 1]
    assert statistics.entropy(statistics.pitch_histogram(piece)) == pytest.approx(1.5)
    assert statistics.entropy([3, 1, 0]) == pytest.approx(2 - 0.75 * math.log2(3))
    assert statistics.entropy([5, 0]) == 0 and math.isnan(statistics.entropy([0, 0]))


def test_lengths_intervals_and_onsets() -> None:
    piece = NoteSequence((Note(0, 60, 0.5), Note(0.5, 72, 1), Note(1, 20, 30), Note(1, 59, 1.01)))
    assert statistics.length_histogram(piece, grid=4, longest=8).tolist() == [1, 2, 0, 0, 0, 0, 0, 1]
    assert statistics.onset_histogram(piece, grid=4).tolist() == [3, 0, 1, 0]
    assert statistics.melody(piece) == [60, 72, 59]
    assert statistics.interval_histogram(piece, widest=12)[[0, 24]].tolist() == [1, 1]


def test_repeated_ngrams() -> None:
    assert statistics.repeated_ngrams([1, 2, 1, 2, 1], n=2) == 0.5
    assert statistics.repeated_ngrams([1, 2, 3, 4], n=2) == 0
    assert math.isnan(statistics.repeated_ngrams([1], n=2))
    assert statistics.common_ngrams([tune(60, 62, 60, 62), tune(50, 52)], n=1) == [((2,), 3), ((-2,), 1)]


def test_polyphony() -> None:
    # One pitch for a beat, two for a beat, none for two beats.
    piece = NoteSequence((Note(0, 60, 2), Note(1, 64, 2)), length=4)
    assert statistics.polyphony(piece) == 1.5
    assert statistics.polyphony_rate(piece) == 0.25
    assert statistics.polyphony_rate(piece, threshold=1) == 0.5
    assert statistics.empty_beat_rate(piece) == 0.5
    twice = NoteSequence((Note(0, 60, 2), Note(1, 60, 2, voice=1)))
    assert statistics.polyphony(twice) == 1


def test_scale_consistency() -> None:
    assert statistics.scale_consistency(tune(60, 62, 64, 65, 67, 69, 71)) == 1
    assert statistics.scale_consistency(tune(*range(60, 72))) == pytest.approx(7 / 12)
    assert statistics.scale_consistency(tune(60, 64, 67, 61)) == 0.75
    assert math.isnan(statistics.scale_consistency(NoteSequence()))


@given(st.lists(st.integers(20, 100), min_size=1, max_size=20), st.integers(-12, 12))
def test_scale_consistency_is_the_best_of_24_scales(pitches: list[int], up: int) -> None:
    scales = [
        Key.of(f, mode).transposed(t).scale for f in (0,) for mode in ("major", "minor") for t in range(12)
    ]
    best = max(sum(p % 12 in scale for p in pitches) for scale in scales) / len(pitches)
    assert statistics.scale_consistency(tune(*pitches)) == pytest.approx(best)
    assert statistics.scale_consistency(tune(*(p + up for p in pitches))) == pytest.approx(best)


def test_groove_consistency() -> None:
    """Bars of 2/4 in halves of a beat: 1010, 1010, 1111 -> distances 0 and 2/4."""
    starts = [0, 1, 2, 3, 4, 4.5, 5, 5.5]
    piece = NoteSequence(tuple(Note(s, 60, s + 0.5) for s in starts), metres=(Metre(0, 2, 4),))
    assert statistics.groove_consistency(piece, grid=2) == pytest.approx(1 - (0 + 0.5) / 2)
    assert statistics.groove_consistency(tune(60, 60, 60, 60, 60, 60, 60, 60)) == 1
    assert math.isnan(statistics.groove_consistency(tune(60)))


def test_groove_consistency_leaves_out_neighbours_of_another_metre() -> None:
    piece = NoteSequence(tune(60, 60, 60, 60, 60, 60, 60).notes, metres=(Metre(0, 2, 4), Metre(4, 3, 4)))
    assert statistics.groove_consistency(piece) == 1
    assert math.isnan(
        statistics.groove_consistency(
            NoteSequence(tune(60, 60, 60, 60, 60).notes, metres=(Metre(0, 2, 4), Metre(2, 3, 4)))
        )
    )


@pytest.mark.parametrize("up", range(12))
def test_the_key_is_found(up: int) -> None:
    major = tune(*(p + up for p in (60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 60)))
    minor = tune(*(p + up for p in (57, 59, 60, 62, 64, 65, 68, 69, 64, 60, 57, 57)))
    assert statistics.estimate_key(major) == Key("C").transposed(up)
    assert statistics.estimate_key(minor) == Key("A", "minor").transposed(up)
    assert statistics.estimate_key(NoteSequence()) is None


def test_all_measures_of_a_piece() -> None:
    piece = NoteSequence((*tune(60, 64, 67, 72, 60).notes, Note(0, 36, 1, drum=True)), length=8)
    found = statistics.measure(piece)
    assert (found.notes, found.beats, found.pitch_range, found.pitches, found.pitch_classes) == (
        5,
        8,
        12,
        4,
        3,
    )
    assert (found.mean_length, found.mean_interval) == (1, 6)
    assert (found.polyphony, found.empty_beat_rate) == (1, 0.375)
    nothing = statistics.measure(NoteSequence(length=2)).to_dict()
    assert nothing["mean_length"] is None and json.dumps(nothing, allow_nan=False)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 127), st.integers(1, 20)), max_size=15))
def test_shares_are_shares_and_transposing_changes_only_pitches(values: list[tuple[int, int, int]]) -> None:
    notes = tuple(Note(s / 4, 30 + p // 2, (s + d) / 4) for s, p, d in values)
    found = statistics.measure(NoteSequence(notes)).to_dict()
    for name in (
        "polyphony_rate",
        "empty_beat_rate",
        "scale_consistency",
        "groove_consistency",
        "repeated_ngrams",
    ):
        assert found[name] is None or 0 <= found[name] <= 1
    moved = statistics.measure(NoteSequence(notes).transposed(5)).to_dict()
    assert (
        moved == pytest.approx(found, nan_ok=True)
        if None not in found.values()
        else moved.keys() == found.keys()
    )
    assert np.array_equal(
        statistics.sounding(NoteSequence(notes)), statistics.sounding(NoteSequence(notes).transposed(5))
    )
