"""What a piece begins with, or a melody to harmonise: notes as text, a file of MIDI or ABC, or a recording.

Text: notes one after the other, `C4 E4 G4:2 R C4+E4+G4:1/2`. A note is a letter, `#` or `b` if need be, and an octave
(C4 is middle C, MIDI's 60); `+` puts notes together, R is a rest, and `:` gives a length in beats of a quarter note,
one beat where it is left out. Commas and bar lines `|` may stand between them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from speechgru import audio
from speechgru.errors import MusicError
from speechgru.music.files import abc, midi, recording
from speechgru.music.score import scales
from speechgru.music.score.notes import MAX_BEATS, QPM, Note, NoteSequence, Tempo
from speechgru.utils.near import question

_REST = ("R", "r")
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(?:/(\d{1,4}))?")


@dataclass(frozen=True)
class Primer:
    """`notes`, and what is to be known of how they were read ("" for nothing)."""

    notes: NoteSequence
    remark: str = ""


def read(source: str, qpm: float | None = None) -> Primer:
    """The notes of a text or of a file.

    Args:
        qpm: tempo in quarter notes a minute; None: the file's own, else QPM. A recording's beats are counted by it.

    Raises:
        MusicError: neither notes nor a file with notes; of an ABC file the first tune counts, which may not be broken.
        AudioError: a recording that can't be read.
    """
    primer = _read(source, qpm)
    if not primer.notes.pitched():
        raise MusicError(f"{source}: there is no note in it, drums aside.")
    if qpm is None:
        return primer
    return replace(primer, notes=replace(primer.notes, tempos=(Tempo(0.0, qpm),)))


def _read(source: str, qpm: float | None) -> Primer:
    path, is_file = Path(source), os.path.isfile(source)  # unlike Path's, it takes a long text for no file
    suffix = path.suffix.lower()
    if not is_file and (suffix in (*midi.EXTENSIONS, *abc.EXTENSIONS) or audio.is_audio(path)):
        raise MusicError(
            f"{source} doesn't exist.{question(source)} Check the path and the folder you are in."
        )
    if not is_file:
        return Primer(parse(source))
    if suffix in midi.EXTENSIONS:
        return Primer(midi.read(path))
    if suffix in abc.EXTENSIONS:
        return _tune(path)
    if audio.is_audio(path):
        return Primer(recording.read(path, qpm or QPM))
    raise MusicError(
        f"{source} is neither MIDI ({', '.join(midi.EXTENSIONS)}) nor ABC ({', '.join(abc.EXTENSIONS)}) nor a "
        "recording, by its extension."
    )


def _tune(path: Path) -> Primer:
    collection = abc.read(path)
    first = collection.tunes[0] if collection.tunes else None
    if first is None or any(broken.line < first.line for broken in collection.broken):
        raise MusicError(f"{path}, {collection.broken[0]}")
    count, name = len(collection.tunes) + len(collection.broken), first.title or "no title"
    return Primer(
        first.notes, f"{path} has {count} tunes; the first one, {name}, is taken." if count > 1 else ""
    )


# ------------------------------------------------------------------------------------------------ text


def parse(text: str) -> NoteSequence:
    """Notes of a text (see the head of this file).

    Raises:
        MusicError: a word that is no note, or no note at all.
    """
    notes: list[Note] = []
    beat = 0.0
    for word in re.split(r"[\s,|]+", text.strip()):
        if not word:
            continue
        name, _, beats = word.partition(":")
        length = _length(word, beats) if ":" in word else 1.0
        if beat + length > MAX_BEATS:
            raise MusicError(f"{word} ends after beat {MAX_BEATS:g}, where every piece has ended.")
        if name not in _REST:
            notes += [
                Note(beat, pitch, beat + length) for pitch in sorted(set(map(scales.pitch, name.split("+"))))
            ]
        beat += length
    if not notes:
        raise MusicError(f'{text!r} has no note. Expected a file, or notes such as "C4 E4 G4:2 R C4+E4+G4".')
    return NoteSequence(tuple(notes), length=beat)


def _length(word: str, beats: str) -> float:
    number = _LENGTH.fullmatch(beats)
    above, below = (float(number[1]), int(number[2] or 1)) if number else (0.0, 1)
    if not above or not below:
        raise MusicError(f"{word}: {beats!r} is no length. Expected beats above 0: 2, 0.5 or 1/3.")
    return above / below


# ------------------------------------------------------------------------------------------------ one line


def melody(piece: NoteSequence) -> NoteSequence:
    """The highest notes as one voice: of those that begin together the highest counts, one that begins below it while
    it sounds is left out, one that begins above it ends it.

    Raises:
        MusicError: there is no note.
    """
    line: list[Note] = []
    for note in sorted(piece.pitched(), key=lambda note: (note.start, -note.pitch, -note.end)):
        if line and note.start < line[-1].end:
            if note.pitch <= line[-1].pitch:
                continue
            above = line.pop()
            if above.start < note.start:
                line.append(replace(above, end=note.start))
        line.append(note)
    if not line:
        raise MusicError("There is no note to make a melody of.")
    return replace(piece, notes=tuple(replace(note, voice=0) for note in line))
