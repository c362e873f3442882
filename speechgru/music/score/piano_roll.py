"""Piano rolls: which of the 88 keys sound at each time step.

`from_roll` gives back exactly the roll that `to_roll` made of it. The other way a roll doesn't hold everything, and
`losses` counts what: drums and notes outside the 88 keys are left out, times are moved to the grid, a note that is
struck again while or right after it sounds becomes one long note, velocities and voices are gone.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.score.notes import QPM, Note, NoteSequence, Tempo, nearest, spans

LOWEST, HIGHEST = 21, 108
"""The piano's A0 and C8."""
KEYS = HIGHEST - LOWEST + 1
MAX_STEPS_PER_BEAT = 96

Roll = NDArray[np.uint8]
"""[steps, 88] of 0 and 1, the lowest key first."""


def _count(text: str) -> int:
    count: int = field(default=0, metadata={"text": text})
    return count


@dataclass(frozen=True)
class Losses:
    """Notes that a roll changes, by what happens to them; a note may be counted more than once."""

    drums: int = _count("drum notes left out")
    outside: int = _count("notes outside the 88 keys left out")
    off_grid: int = _count("notes moved to the grid")
    merged: int = _count("notes joined to the same note before")

    def __bool__(self) -> bool:
        return any(astuple(self))

    def __str__(self) -> str:
        counts = zip(astuple(self), fields(self), strict=True)
        return ", ".join(f"{n} {each.metadata['text']}" for n, each in counts if n) or "nothing lost"


def to_roll(sequence: NoteSequence, steps_per_beat: int = 4) -> Roll:
    """The roll of a piece, [steps, 88]; times are moved to the nearest step, a note lasts one step at least.

    Raises:
        MusicError: `steps_per_beat` is not 1 to MAX_STEPS_PER_BEAT.
    """
    check_steps(steps_per_beat)
    notes = [note for note in sequence.pitched() if LOWEST <= note.pitch <= HIGHEST]
    placed = spans(notes, steps_per_beat)
    steps = max([nearest(sequence.length * steps_per_beat), *(end for _, end in placed)])
    roll = np.zeros((steps, KEYS), dtype=np.uint8)
    for note, (start, end) in zip(notes, placed):
        roll[start:end, note.pitch - LOWEST] = 1
    return roll


def from_roll(roll: Roll, steps_per_beat: int = 4, *, qpm: float = QPM, velocity: int = 80) -> NoteSequence:
    """A piece from a roll [steps, 88]: a key that sounds for some steps on end is one note.

    Raises:
        MusicError: `roll` has another shape or other values than 0 and 1; as `to_roll`.
    """
    check_steps(steps_per_beat)
    check(roll)
    # Differences along time with silence around: 1 where a note begins, -1 after its last step.
    changes = np.diff(np.pad(roll.astype(np.int8), ((1, 1), (0, 0))), axis=0).T
    keys, starts = np.nonzero(changes == 1)
    ends = np.nonzero(changes == -1)[1]  # by key, then time, as the starts are
    notes = tuple(
        Note(int(start) / steps_per_beat, int(key) + LOWEST, int(end) / steps_per_beat, velocity)
        for key, start, end in zip(keys, starts, ends)
    )
    return NoteSequence(notes, (Tempo(0.0, qpm),), length=len(roll) / steps_per_beat)


def losses(sequence: NoteSequence, steps_per_beat: int = 4) -> Losses:
    """What a roll of this piece would not hold, apart from velocities and voices."""
    notes = sequence.pitched()
    inside = [note for note in notes if LOWEST <= note.pitch <= HIGHEST]
    placed = spans(inside, steps_per_beat)
    off_grid = sum(
        (start / steps_per_beat, end / steps_per_beat) != (note.start, note.end)
        for note, (start, end) in zip(inside, placed)
    )
    ends: dict[int, int] = {}
    merged = 0
    for (start, end), note in sorted(zip(placed, inside)):
        merged += start <= ends.get(note.pitch, -1)
        ends[note.pitch] = max(end, ends.get(note.pitch, -1))
    return Losses(len(sequence.notes) - len(notes), len(notes) - len(inside), off_grid, merged)


def check(roll: Roll) -> None:
    """Refuse what is no piano roll.

    Raises:
        MusicError: `roll` has another shape than [steps, 88], or other values than 0 and 1.
    """
    shape = getattr(roll, "shape", None)
    if shape is None or len(shape) != 2 or shape[1] != KEYS or not np.isin(roll, (0, 1)).all():
        raise MusicError(f"A piano roll must be [steps, {KEYS}] of 0 and 1; got shape {shape}.")


def check_steps(steps_per_beat: int) -> None:
    """Refuse a grid that is none.

    Raises:
        MusicError: `steps_per_beat` is not 1 to MAX_STEPS_PER_BEAT.
    """
    if not 1 <= steps_per_beat <= MAX_STEPS_PER_BEAT:
        raise MusicError(f"A beat can have 1 to {MAX_STEPS_PER_BEAT} steps; got {steps_per_beat}.")
