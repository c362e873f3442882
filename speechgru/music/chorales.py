"""Music in a fixed number of voices, each with one pitch at a time: soprano, alto, tenor, bass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.notes import QPM, Note, NoteSequence, Tempo, nearest, spans
from speechgru.music.rolls import check_steps

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


def read_json(path: str | Path) -> dict[str, list[Parts]]:
    """The chorales of a JSON file as in czhuang/JSB-Chorales-dataset: train, valid and test, each a list of pieces,
    each a list of steps, each with the pitches from soprano to bass (a rest is NaN, -1, or left out).

    Raises:
        MusicError: the file can't be read, or holds something else.
    """
    expected = (
        f"Expected JSON with {', '.join(SPLITS)}: lists of chorales, lists of steps of up to four pitches."
    )
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise MusicError(f"Can't read {path}: {error.strerror}. {expected}") from error
    except (ValueError, RecursionError) as error:
        raise MusicError(f"{path} is no JSON ({error}). {expected}") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(name), list) for name in SPLITS):
        raise MusicError(f"{path} does not hold the three sets. {expected}")
    return {
        name: [_parts(piece, f"{path}, {name} {index}") for index, piece in enumerate(data[name])]
        for name in SPLITS
    }


def _parts(piece: Any, where: str) -> Parts:
    if not isinstance(piece, list) or not piece:
        raise MusicError(f"{where}: expected a list of steps, one or more.")
    parts = np.full((len(piece), len(VOICES)), REST, dtype=np.int16)
    last = np.array([72, 65, 58, 50])  # the middle of each voice's range, before it sang
    for step, pitches in enumerate(piece):
        parts[step] = _seated(_pitches(pitches, f"{where}, step {step}"), last)
        last = np.where(parts[step] == REST, last, parts[step])
    return parts


def _pitches(values: Any, where: str) -> list[int]:
    if not isinstance(values, list) or len(values) > len(VOICES):
        raise MusicError(f"{where}: expected up to {len(VOICES)} pitches; got {str(values)[:40]}.")
    found = []
    for value in values:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise MusicError(f"{where}: expected pitches; got {str(value)[:40]!r}.")
        is_rest = value != value or value == REST
        if not is_rest and not (0 <= value <= 127 and value == int(value)):
            raise MusicError(f"{where}: {value} is no pitch; expected 0 to 127.")
        found.append(REST if is_rest else int(value))
    return found


def _seated(pitches: Sequence[int], last: NDArray[np.int_]) -> Sequence[int]:
    """Pitches from the highest voice to the lowest, a REST for each voice that was left out: so that the others, in
    their order, move least from what they sang last."""
    missing = len(last) - len(pitches)
    if not missing:
        return pitches
    if not pitches:
        return [REST] * len(last)
    choices = (
        [pitches[0], *_seated(pitches[1:], last[1:])],
        [REST, *_seated(pitches, last[1:])],
    )
    return min(
        choices,
        key=lambda seats: sum(abs(seat - before) for seat, before in zip(seats, last) if seat != REST),
    )
