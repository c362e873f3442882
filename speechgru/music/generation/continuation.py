"""What a piece begins with, where a model of piano rolls goes on: the notes stay as they were given, the roll is only
the model's input.

A roll has no two notes one after the other within a step, and can't tell a note that is struck again from one that is
held. So of notes that share a step without ever sounding together one is kept: that with the longest part in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speechgru.errors import MusicError
from speechgru.music.score import piano_roll
from speechgru.music.score.keys import pitch_name
from speechgru.music.score.notes import Note, NoteSequence, spans
from speechgru.music.score.piano_roll import KEYS, LOWEST, Roll

_LATE = 0.1
"""Of a step: a last note that is let go so much late makes the beginning no step longer."""
_MOMENT = 1e-6


def roll_of(piece: NoteSequence, steps_per_beat: int) -> Roll:
    """The roll of a beginning, [steps, 88]: as `piano_roll.to_roll`, but in no step there are notes that don't sound
    together in the piece, and it ends with the step in which the piece does.

    Raises:
        MusicError: `steps_per_beat` is out of range.
    """
    piano_roll.check_steps(steps_per_beat)
    steps = max(math.ceil(piece.length * steps_per_beat - _LATE), 1)
    notes = [note for note in piece.pitched() if LOWEST <= note.pitch < LOWEST + KEYS]
    sounding: list[list[Note]] = [[] for _ in range(steps)]
    for note, (start, end) in zip(notes, spans(notes, steps_per_beat)):
        for step in range(min(start, steps - 1), min(end, steps)):
            sounding[step].append(note)
    roll = np.zeros((steps, KEYS), dtype=np.uint8)
    for step, some in enumerate(sounding):
        for note in _together(some, step / steps_per_beat, (step + 1) / steps_per_beat):
            roll[step, note.pitch - LOWEST] = 1
    return roll


def _together(notes: Sequence[Note], start: float, end: float) -> list[Note]:
    """Notes that all sound at once, those first that have most of the beats from `start` to `end`."""

    def share(note: Note) -> float:
        return round(max(min(note.end, end) - max(note.start, start), 0) / _MOMENT) * _MOMENT

    kept: list[Note] = []
    for note in sorted(notes, key=lambda note: (-share(note), note.start)):
        if all(min(note.end, other.end) - max(note.start, other.start) > _MOMENT for other in kept):
            kept.append(note)
    return kept


def losses(piece: NoteSequence, steps_per_beat: int) -> str:
    """What a model's input leaves out of a beginning, "" for nothing.

    Raises:
        MusicError: `steps_per_beat` is out of range.
    """
    lost = piano_roll.losses(piece, steps_per_beat)
    if not lost:
        return ""
    step = "a beat" if steps_per_beat == 1 else f"1/{steps_per_beat} beat"
    alone = "; of notes that follow one another within a step it gets one" if lost.off_grid else ""
    return (
        f"the beginning is written as it is, but the model, whose steps are {step}, gets less: {lost}{alone}."
    )


def check(piece: NoteSequence, lowest: int, highest: int) -> None:
    """Refuse a beginning with notes that the model doesn't know.

    Raises:
        MusicError: a pitch lies outside of `lowest` to `highest`; the message names it.
    """
    outside = sorted({note.pitch for note in piece.pitched() if not lowest <= note.pitch <= highest})
    if outside:
        raise MusicError(
            f"The model knows the notes from {pitch_name(max(lowest, 0))} to {pitch_name(min(highest, 127))} here; the "
            f"beginning has {', '.join(map(pitch_name, outside))}. Move it by octaves, or leave them out."
        )


def continued(given: NoteSequence, drawn: NoteSequence, beat: float) -> NoteSequence:
    """The notes of `given`, and from `beat` on those of `drawn`; the rest is as in `drawn`.

    Where a note of the first sounds beyond `beat`, the same note of the second begins after it.
    """
    held: dict[int, float] = {}
    for note in given.pitched():
        held[note.pitch] = max(note.end, held.get(note.pitch, 0.0))
    notes = list(given.notes)
    for note in drawn.notes:
        start, end = max(note.start + beat, held.get(note.pitch, 0.0)), note.end + beat
        if start < end:
            notes.append(replace(note, start=start, end=end))
    return replace(drawn, notes=tuple(notes), length=drawn.length + beat)
