"""Measures against MusPy's own, where it is installed (`pip install muspy`); statistics.py names where they differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru.music import Note, NoteSequence
from speechgru.music.evaluation import statistics
from speechgru.music.evaluation.statistics import GRID
from speechgru.music.score.notes import Metre

muspy = pytest.importorskip("muspy", reason="MusPy isn't installed")

BARS = 4
STEPS = BARS * 4 * GRID
# No note reaches the last bar line: MusPy would count the bar after it.
placed = st.tuples(st.integers(0, STEPS - 2), st.integers(30, 90), st.integers(1, 2 * GRID))


def pair(values: list[tuple[int, int, int]]) -> tuple[NoteSequence, Any]:
    """The same piece for both, no pitch twice at a time."""
    taken: set[tuple[int, int]] = set()
    notes = []
    for start, pitch, length in values:
        cells = {(step, pitch) for step in range(start, min(start + length, STEPS - 1))}
        if not cells & taken:
            taken |= cells
            notes.append((start, pitch, len(cells)))
    own = NoteSequence(
        tuple(Note(s / GRID, p, (s + d) / GRID) for s, p, d in notes), metres=(Metre(0.0, 4, 4),)
    )
    theirs = muspy.Music(
        resolution=GRID,
        tracks=[muspy.Track(notes=[muspy.Note(time=s, pitch=p, duration=d) for s, p, d in sorted(notes)])],
    )
    return own, theirs


@settings(max_examples=60, deadline=None)
@given(st.lists(placed, min_size=2, max_size=40))
def test_the_same_as_muspy(values: list[tuple[int, int, int]]) -> None:
    own, theirs = pair(values)
    found = statistics.measure(own)
    assert found.pitch_range == muspy.pitch_range(theirs)
    assert found.pitches == muspy.n_pitches_used(theirs)
    assert found.pitch_classes == muspy.n_pitch_classes_used(theirs)
    assert found.pitch_entropy == pytest.approx(muspy.pitch_entropy(theirs))
    assert found.pitch_class_entropy == pytest.approx(muspy.pitch_class_entropy(theirs))
    assert found.polyphony == pytest.approx(muspy.polyphony(theirs))
    assert found.scale_consistency == pytest.approx(muspy.scale_consistency(theirs))
    # MusPy's `threshold` must be passed by, where ours is reached.
    steps = round(own.length * GRID)
    assert found.polyphony_rate * steps == pytest.approx(
        muspy.polyphony_rate(theirs, threshold=1) * theirs.get_end_time()
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(placed, min_size=2, max_size=40), st.integers(0, 2 * GRID))
def test_the_same_groove_as_muspy(values: list[tuple[int, int, int]], end: int) -> None:
    # The last bar must hold a note: MusPy counts bars by the piece's end.
    own, theirs = pair([*values, (STEPS - 4 * GRID + end, 100, 1)])
    assert statistics.groove_consistency(own) == pytest.approx(muspy.groove_consistency(theirs, 4 * GRID))
