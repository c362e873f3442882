"""Faults of voice leading in music for several voices, as every textbook of harmony forbids them.

Between two steps at which the voices sing different chords, both voices of a pair moving:

- **parallel fifths, octaves**: the two are a perfect fifth (or an octave or unison, each plus octaves) apart before
  and after, and move in the same direction. By contrary motion from one to another octave is not counted.
- **hidden fifths, octaves**: the outer voices reach one by moving in the same direction, the upper one by a leap of
  more than two semitones.

At one step:

- **crossing**: a voice sings higher than the voice above it.
- **spacing**: soprano and alto, or alto and tenor, are more than an octave apart.
- **range**: a voice is outside of what choirs sing (C4-A5, F3-D5, C3-A4, E2-D4, widened by Bach's use).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np

from speechgru.errors import MusicError
from speechgru.music.score.chorale import REST, VOICES, Parts

RANGES = ((60, 81), (53, 74), (48, 69), (36, 64))
_OCTAVE, _FIFTH, _STEP = 12, 7, 2


@dataclass(frozen=True)
class Faults:
    """How many there are of each, and the number of `moves` (chords that follow another) and `chords` they are of.

    Crossings, spacing and range are counted once for each chord and pair or voice.
    """

    parallel_fifths: int = 0
    parallel_octaves: int = 0
    hidden: int = 0
    """Fifths and octaves together."""
    crossings: int = 0
    spacing: int = 0
    range: int = 0
    """Notes that no choir sings."""
    moves: int = 0
    chords: int = 0

    def __add__(self, other: Faults) -> Faults:
        return Faults(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Fault:
    """One of them: which, at which step (of the second chord), in which voices."""

    kind: str
    step: int
    voices: tuple[int, ...]


def faults(parts: Parts) -> Faults:
    """Count the faults of voices [steps, 4], the soprano first.

    Raises:
        MusicError: not four voices.
    """
    every = list(find(parts))
    counts = {kind.name: sum(fault.kind == kind.name for fault in every) for kind in fields(Faults)}
    chords = len(_chords(parts))
    return Faults(**counts | {"moves": max(chords - 1, 0), "chords": chords})


def find(parts: Parts) -> Iterator[Fault]:
    """The faults of voices [steps, 4], the soprano first, in the order of time.

    Raises:
        MusicError: not four voices.
    """
    if parts.ndim != 2 or parts.shape[1] != len(VOICES):
        raise MusicError(f"Voice leading is judged in {len(VOICES)} voices; got shape {parts.shape}.")
    before = None
    for step in _chords(parts):
        chord = [int(pitch) for pitch in parts[step]]
        yield from _of_chord(chord, step)
        if before is not None:
            yield from _of_move(before, chord, step)
        before = chord


def _chords(parts: Parts) -> list[int]:
    """Steps at which another chord begins, or the first one."""
    if not len(parts):
        return []
    changed = np.any(parts[1:] != parts[:-1], axis=1)
    return [0, *(np.flatnonzero(changed) + 1).tolist()]


def _of_chord(chord: list[int], step: int) -> Iterator[Fault]:
    for upper in range(len(chord) - 1):
        high, low = chord[upper], chord[upper + 1]
        if REST in (high, low):
            continue
        if low > high:
            yield Fault("crossings", step, (upper, upper + 1))
        elif high - low > _OCTAVE and upper < len(chord) - 2:
            yield Fault("spacing", step, (upper, upper + 1))
    for voice, (pitch, (lowest, highest)) in enumerate(zip(chord, RANGES)):
        if pitch != REST and not lowest <= pitch <= highest:
            yield Fault("range", step, (voice,))


def _of_move(before: list[int], after: list[int], step: int) -> Iterator[Fault]:
    for upper, lower in combinations(range(len(after)), 2):
        if REST in (before[upper], before[lower], after[upper], after[lower]):
            continue
        up, down = after[upper] - before[upper], after[lower] - before[lower]
        if up * down <= 0:
            continue  # one rests on its pitch, or they move apart or towards each other
        old, new = (abs(chord[upper] - chord[lower]) % _OCTAVE for chord in (before, after))
        if new not in (0, _FIFTH):
            continue
        if old == new:
            yield Fault("parallel_fifths" if new else "parallel_octaves", step, (upper, lower))
        elif (upper, lower) == (0, len(after) - 1) and abs(up) > _STEP:
            yield Fault("hidden", step, (upper, lower))
