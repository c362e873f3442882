"""Music in a fixed number of voices, each with one pitch at a time: soprano, alto, tenor, bass."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.score.notes import QPM, Note, NoteSequence, Tempo, nearest, spans
from speechgru.music.score.piano_roll import check_steps

VOICES = ("soprano", "alto", "tenor", "bass")
REST = -1
SPLITS = ("train", "valid", "test")

Parts = NDArray[np.int16]
"""[steps, voices] of MIDI pitches; REST where a voice is silent."""


def to_parts(piece: NoteSequence, steps_per_beat: int, voices: int = len(VOICES)) -> Parts:
    """What each voice sings at each step; times are moved to the nearest step.

    Raises:
        MusicError: a note of another voice or of the drums, or a voice that sings two notes at once.
    """
    check_steps(steps_per_beat)
    placed = spans(piece.notes, steps_per_beat)
    steps = max([nearest(piece.length * steps_per_beat), *(end for _, end in placed)])
    parts = np.full((steps, voices), REST, dtype=np.int16)
    for note, (start, end) in zip(piece.notes, placed):
        if note.drum or note.voice >= voices:
            raise MusicError(
                f"Voice {note.voice + 1} is one too many; expected {voices} voices without drums."
            )
        if (parts[start:end, note.voice] != REST).any():
            raise MusicError(f"Voice {note.voice + 1} sings two notes at once, at beat {note.start:g}.")
        parts[start:end, note.voice] = note.pitch
    return parts


def from_parts(parts: Parts, steps_per_beat: int, qpm: float = QPM) -> NoteSequence:
    """Notes of [steps, voices]; the same pitch on end is one note. `to_parts` gives `parts` back.

    Raises:
        MusicError: another shape, or a pitch that isn't REST or 0 to 127.
    """
    check_steps(steps_per_beat)
    if parts.ndim != 2 or not ((parts >= REST) & (parts <= 127)).all():
        raise MusicError(f"Voices must be [steps, voices] of pitches up to 127; got shape {parts.shape}.")
    notes = []
    for voice, line in enumerate(parts.T):
        edges = [0, *(np.flatnonzero(np.diff(line)) + 1), len(line)]
        notes += [
            Note(int(start) / steps_per_beat, int(line[start]), int(end) / steps_per_beat, voice=voice)
            for start, end in pairwise(edges)
            if start < end and line[start] != REST
        ]
    return NoteSequence(tuple(notes), (Tempo(0.0, qpm),), length=len(parts) / steps_per_beat)
