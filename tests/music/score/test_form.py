"""How a piece is built: against pieces made to be so."""

from __future__ import annotations

import math

import pytest

from speechgru.music import Note, NoteSequence
from speechgru.music.score import form
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre


def tune(*pitches: int, first: float = 0.0, metre: Metre | None = None) -> NoteSequence:
    """A note a beat."""
    notes = tuple(Note(first + i, pitch, first + i + 1) for i, pitch in enumerate(pitches))
    return NoteSequence(notes, keys=(KeyChange(0, Key("G")),), metres=(metre or Metre(0, 3, 4),))


def test_bars_that_come_again() -> None:
    assert form.repeated_bars(tune(60, 62, 64, 60, 62, 64)) == 0.5
    assert form.repeated_bars(tune(60, 62, 64, 60, 62, 65)) == 0
    # Transposed, it is another bar; so it is in another rhythm.
    assert form.repeated_bars(tune(60, 62, 64, 61, 63, 65)) == 0
    held = NoteSequence((*tune(60, 62, 64).notes, Note(3, 60, 4), Note(4, 62, 6)), metres=(Metre(0, 3, 4),))
    assert form.repeated_bars(held) == 0
    # Bars of rest count for nothing.
    rest = NoteSequence((Note(0, 60, 3), Note(9, 60, 12)), metres=(Metre(0, 3, 4),))
    assert form.repeated_bars(rest) == 0.5
    assert math.isnan(form.repeated_bars(NoteSequence()))


@pytest.mark.parametrize("part", [8, 16])
def test_two_parts_each_played_twice(part: int) -> None:
    first, second = ([50 + place * step % 37 for place in range(3 * part)] for step in (1, 2))
    assert form.repeated_bars(tune(*first, *first, *second, *second)) >= 0.5


def test_whole_bars() -> None:
    assert form.whole_bars(tune(60, 62, 64)) == 1
    assert form.whole_bars(tune(60, 62, 64, 65)) == 0
    assert form.whole_bars(tune(60, 62, 64, first=2)) == 1, "an upbeat, and a last bar without it"
    assert form.whole_bars(NoteSequence(tune(60, 62, 64).notes, length=4, metres=(Metre(0, 3, 4),))) == 0
    assert form.whole_bars(NoteSequence((Note(0, 60, 4),))) == 1, "4/4 where no metre is given"
    changes = NoteSequence(tune(60, 62, 64, 65).notes, metres=(Metre(0, 3, 4), Metre(3, 2, 4)))
    assert math.isnan(form.whole_bars(changes)) and math.isnan(form.whole_bars(NoteSequence()))


def test_the_end() -> None:
    assert form.ends_on_tonic(tune(60, 62, 67)) == 1
    assert form.ends_on_tonic(tune(67, 62, 60)) == 0
    chord = NoteSequence((Note(0, 55, 1), Note(0, 60, 1)), keys=(KeyChange(0, Key("G")),))
    assert form.ends_on_tonic(chord) == 1, "the bass decides"
    moved = NoteSequence(tune(60, 62, 60).notes, keys=(KeyChange(0, Key("G")), KeyChange(2, Key("C"))))
    assert form.ends_on_tonic(moved) == 1
    assert math.isnan(form.ends_on_tonic(NoteSequence((Note(0, 60, 1),))))
    assert math.isnan(form.ends_on_tonic(NoteSequence()))
