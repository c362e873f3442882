"""Notes: what every file is read to and every file is written from.

Times are in beats of a quarter note, so they don't depend on the tempo; `NoteSequence.seconds` knows it. A beat that
came from a grid (ticks of a file, steps of a roll) is the quotient number / steps as a float, so it is found again
exactly by `round(beat * steps)`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

from speechgru.errors import MusicError
from speechgru.music.score.keys import Key

MAX_BEATS = 100_000.0
"""A piece ends by then (14 hours at 120 beats a minute): a damaged file must not ask for all memory."""
QPM = 120.0
"""Quarter notes per minute where none is given."""


@dataclass(frozen=True, order=True)
class Note:
    """A note from `start` to `end` in beats, ordered by start, then pitch.

    `pitch` 0 to 127 as in MIDI (60 is middle C), `velocity` 1 to 127, `voice` 0 for the first. A `drum`'s pitch names
    an instrument.

    Raises:
        MusicError: a value is outside its range.
    """

    start: float
    pitch: int
    end: float
    velocity: int = 80
    voice: int = 0
    drum: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.pitch <= 127:
            raise MusicError(f"A note's pitch must be 0 to 127; got {self.pitch}.")
        if not 0 <= self.start < self.end <= MAX_BEATS:
            raise MusicError(
                f"A note must last some time between beat 0 and {MAX_BEATS:g}; got {self.start} to {self.end}."
            )
        if not 1 <= self.velocity <= 127 or self.voice < 0:
            raise MusicError(
                "A note's velocity must be 1 to 127 and its voice 0 or more; "
                f"got {self.velocity} and {self.voice}."
            )

    @property
    def length(self) -> float:
        """In beats."""
        return self.end - self.start


@dataclass(frozen=True, order=True)
class Tempo:
    """From `beat` on, `qpm` quarter notes a minute."""

    beat: float
    qpm: float

    def __post_init__(self) -> None:
        if not (0 < self.qpm < math.inf):
            raise MusicError(f"A tempo must be above 0 quarter notes a minute; got {self.qpm}.")


@dataclass(frozen=True)
class KeyChange:
    """From `beat` on, `key`."""

    beat: float
    key: Key


@dataclass(frozen=True, order=True)
class Metre:
    """From `beat`, where a bar begins, bars of `numerator` notes of 1/`denominator`."""

    beat: float
    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if not 1 <= self.numerator <= 255 or self.denominator not in (1, 2, 4, 8, 16, 32, 64):
            raise MusicError(
                f"A metre must be like 4/4 or 6/8; got {self.numerator}/{self.denominator} (the lower number is a "
                "power of 2 up to 64)."
            )

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def bar(self) -> float:
        """Beats in a bar."""
        return 4 * self.numerator / self.denominator


@dataclass(frozen=True)
class NoteSequence:
    """A piece. `notes` are kept sorted; `length` in beats is at least the last note's end.

    `tempos` begin at beat 0 (QPM where none is given). `keys` and `metres` are empty where nothing is known. Changes
    are sorted by beat, one at a beat.

    Raises:
        MusicError: changes at the same beat, before 0 or out of order; a length above MAX_BEATS.
    """

    notes: tuple[Note, ...] = ()
    tempos: tuple[Tempo, ...] = (Tempo(0.0, QPM),)
    keys: tuple[KeyChange, ...] = ()
    metres: tuple[Metre, ...] = ()
    length: float = 0.0

    def __post_init__(self) -> None:
        notes = tuple(sorted(self.notes))
        end = max((note.end for note in notes), default=0.0)
        tempos = tuple(self.tempos)
        if not tempos or tempos[0].beat > 0:
            tempos = (Tempo(0.0, QPM), *tempos)
        values = {
            "notes": notes,
            "tempos": tempos,
            "keys": tuple(self.keys),
            "metres": tuple(self.metres),
            "length": max(float(self.length), end),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if not self.length <= MAX_BEATS:
            raise MusicError(f"A piece may last {MAX_BEATS:g} beats at most; got {self.length}.")
        _check_changes("tempos", [tempo.beat for tempo in tempos])
        _check_changes("keys", [change.beat for change in self.keys])
        _check_changes("metres", [metre.beat for metre in self.metres])

    # ------------------------------------------------------------------------------------------- time

    def seconds(self, beat: float) -> float:
        """When `beat` is, in seconds from the start."""
        starts = self._tempo_seconds()
        index = max(bisect_right([tempo.beat for tempo in self.tempos], beat) - 1, 0)
        tempo = self.tempos[index]
        return starts[index] + (beat - tempo.beat) * 60 / tempo.qpm

    def beat(self, seconds: float) -> float:
        """The beat at `seconds` from the start: the inverse of `seconds`."""
        starts = self._tempo_seconds()
        index = max(bisect_right(starts, seconds) - 1, 0)
        tempo = self.tempos[index]
        return tempo.beat + (seconds - starts[index]) * tempo.qpm / 60

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.seconds(self.length)

    def bar_lines(self) -> list[float]:
        """Beats at which bars begin, from 0 on, below `length`; bars of 4/4 until a metre is given."""
        metres = self.metres if self.metres and self.metres[0].beat <= 0 else (Metre(0.0, 4, 4), *self.metres)
        lines: list[float] = []
        for metre, until in zip(metres, [*(m.beat for m in metres[1:]), self.length]):
            count = math.ceil((until - metre.beat) / metre.bar - 1e-9)
            lines += [metre.beat + index * metre.bar for index in range(max(count, 0))]
        return lines

    def _tempo_seconds(self) -> list[float]:
        starts = [0.0]
        for tempo, following in pairwise(self.tempos):
            starts.append(starts[-1] + (following.beat - tempo.beat) * 60 / tempo.qpm)
        return starts

    # ------------------------------------------------------------------------------------------- views

    @property
    def voices(self) -> list[int]:
        """Numbers of the voices that have notes, in order."""
        return sorted({note.voice for note in self.notes})

    def pitched(self) -> list[Note]:
        """Its notes without the drums."""
        return [note for note in self.notes if not note.drum]

    # ------------------------------------------------------------------------------------------- changed copies

    def transposed(self, semitones: int) -> NoteSequence:
        """The same, `semitones` higher, keys too; drums stay.

        Raises:
            MusicError: a note would leave 0 to 127.
        """
        notes = [n if n.drum else replace(n, pitch=n.pitch + semitones) for n in self.notes]
        keys = tuple(replace(change, key=change.key.transposed(semitones)) for change in self.keys)
        return replace(self, notes=tuple(notes), keys=keys)

    def on_grid(self, steps_per_beat: int) -> NoteSequence:
        """Starts and ends moved to the nearest of `steps_per_beat` steps, a half up; a note lasts one step at least.

        Changes of tempo, key and metre are moved too; of those that fall together the last counts.
        """
        notes = [
            replace(note, start=start / steps_per_beat, end=end / steps_per_beat)
            for note, (start, end) in zip(self.notes, spans(self.notes, steps_per_beat))
        ]

        def moved(beat: float) -> float:
            return nearest(beat * steps_per_beat) / steps_per_beat

        return NoteSequence(
            tuple(notes),
            _moved(self.tempos, moved),
            _moved(self.keys, moved),
            _moved(self.metres, moved),
            moved(self.length),
        )


def spans(notes: Sequence[Note], steps_per_beat: int) -> list[tuple[int, int]]:
    """First step of each note and the step after its last, on a grid; one step at least."""
    placed = []
    for note in notes:
        start = nearest(note.start * steps_per_beat)
        placed.append((start, max(nearest(note.end * steps_per_beat), start + 1)))
    return placed


def nearest(value: float) -> int:
    """The nearest whole number, a half up: Python's round() would take every other half down."""
    return math.floor(value + 0.5)


_Change = TypeVar("_Change", Tempo, KeyChange, Metre)


def _moved(changes: Iterable[_Change], move: Callable[[float], float]) -> tuple[_Change, ...]:
    latest = {move(change.beat): change for change in changes}
    return tuple(replace(change, beat=beat) for beat, change in latest.items())


def _check_changes(name: str, beats: list[float]) -> None:
    if any(not 0 <= beat <= MAX_BEATS for beat in beats) or any(a >= b for a, b in pairwise(beats)):
        raise MusicError(
            f"The {name} of a piece must be sorted by beat, one at a beat, from 0 on; got beats {beats[:8]}."
        )
