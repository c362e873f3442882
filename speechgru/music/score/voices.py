"""Which voice sings which note of a chord: neither a piano roll nor notes as text hold it.

Voices never cross, every note is sung, and of all ways to do it the one in which the voices move least counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, combinations_with_replacement, groupby

import numpy as np

from speechgru.music.score.chorale import REST, VOICES, Parts
from speechgru.music.score.notes import Note, NoteSequence
from speechgru.music.score.piano_roll import LOWEST, Roll, check

Chord = tuple[int, ...]
MIDDLES: Chord = (72, 65, 58, 50)
"""The middle of each voice's range: where it is thought to come from before it sang."""


@lru_cache(maxsize=1 << 16)
def doubled(keys: Chord, before: Chord) -> Chord:
    """The pitch of each voice, the highest first, for up to as many `keys`: voices that are left double one of them.

    Args:
        before: what the voices sang last; REST: from nowhere. REST for all where there is no key.
    """
    if not keys:
        return (REST,) * len(before)
    choices = [
        tuple(sorted(voices, reverse=True))
        for voices in combinations_with_replacement(sorted(keys), len(before))
        if set(voices) == set(keys)
    ]
    return min(choices, key=lambda voices: moved(voices, before))


@lru_cache(maxsize=1 << 16)
def rested(keys: Chord, before: Chord) -> Chord:
    """The same, but voices that are left rest."""
    return in_order(tuple(sorted(keys, reverse=True)), before)


def in_order(pitches: Chord, before: Chord) -> Chord:
    """`pitches` (REST: none) as they come, the highest voice first, and a REST for each voice that is left."""
    choices = []
    for places in combinations(range(len(before)), len(pitches)):
        voices = [REST] * len(before)
        for place, pitch in zip(places, pitches, strict=True):
            voices[place] = pitch
        choices.append(tuple(voices))
    return min(choices, key=lambda voices: moved(voices, before))


def moved(voices: Chord, before: Chord) -> int:
    """Semitones that the voices move together; one that rests or rested doesn't."""
    return sum(abs(now - then) for now, then in zip(voices, before, strict=True) if REST not in (now, then))


def in_voices(roll: Roll, up: int = 0) -> Parts | None:
    """A roll [steps, 88] that lies `up` semitones above where it sounds, as four voices [steps, 4]; None where more
    than four keys sound at once.

    Three keys are four voices, two of them in unison, as mostly in chorales; of two and one, voices rest.
    """
    check(roll)
    if not len(roll) or roll.sum(axis=1).max() > len(VOICES):
        return None
    return in_unison([tuple(int(key) + LOWEST for key in np.flatnonzero(keys)) for keys in roll], up)


def in_unison(chords: Sequence[Chord], up: int = 0) -> Parts:
    """Chords of up to four pitches, each once, as [steps, 4] from soprano to bass; what is left as in `in_voices`."""
    return assigned(
        chords,
        lambda chord, before: (doubled if len(chord) >= len(VOICES) - 1 else rested)(chord, before),
        up,
    )


def assigned(chords: Sequence[Chord], assign: Callable[[Chord, Chord], Chord], up: int = 0) -> Parts:
    """Chords as [steps, 4]: the voices of each by `assign`, given what each of them sang last."""
    parts = np.full((len(chords), len(VOICES)), REST, dtype=np.int16)
    before = tuple(pitch + up for pitch in MIDDLES)
    for step, chord in enumerate(chords):
        parts[step] = voices = assign(chord, before)
        before = tuple(now if now != REST else then for now, then in zip(voices, before))
    return parts


def in_parts(piece: NoteSequence) -> NoteSequence:
    """The same notes, each in one of four voices; drums aside. Voices that sing one note at a time keep what they have.

    A voice sings a note to its end. Where more than four notes sound at once, all is left as it is.
    """
    if _are_parts(piece.pitched()):
        return piece
    ends, last = [0.0] * len(VOICES), list(MIDDLES)
    assigned: list[Note] = [note for note in piece.notes if note.drum]
    for start, some in groupby(piece.pitched(), lambda note: note.start):
        notes = sorted(some, key=lambda note: -note.pitch)
        free = [voice for voice in range(len(VOICES)) if ends[voice] <= start]
        if len(notes) > len(free):
            return piece
        pitches = rested(tuple(note.pitch for note in notes), tuple(last[voice] for voice in free))
        for note, voice in zip(notes, [v for v, pitch in zip(free, pitches) if pitch != REST], strict=True):
            ends[voice], last[voice] = note.end, note.pitch
            assigned.append(replace(note, voice=voice))
    return replace(piece, notes=tuple(assigned))


def in_four_parts(piece: NoteSequence) -> bool:
    """Whether a piece has four voices and nothing else, each with one note at a time."""
    pitched = piece.pitched()
    return (
        len(pitched) == len(piece.notes) and piece.voices == list(range(len(VOICES))) and _are_parts(pitched)
    )


def _are_parts(notes: list[Note]) -> bool:
    ends: dict[int, float] = {}
    for note in notes:
        if note.voice >= len(VOICES) or note.start < ends.get(note.voice, 0.0):
            return False
        ends[note.voice] = note.end
    return True
