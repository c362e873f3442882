"""MIDI files in and out: what is read (here) and what is written (midi_write.py).

Written and read again, a piece whose times fit on a grid of up to MOST_TICKS in a beat, as those of every file do, is
the same, but for three things that MIDI can't hold: two notes of one pitch in one voice of which one lies within the
other change their ends (the first to begin is the first to end), voices are numbered anew without gaps, and a mode
other than major and minor becomes the major key of its signature.

Instruments, pedals, bends and lyrics are not read.

The chunks of a MIDI file: its header, and the bytes of its tracks.
"""

from __future__ import annotations

import re
import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from speechgru.errors import MusicError
from speechgru.music.files import midi_events
from speechgru.music.files.midi_events import Events
from speechgru.music.files.midi_oddities import Oddities
from speechgru.music.files.midi_write import DRUM_CHANNEL, MOST_TICKS, TICKS, resolution, to_bytes, write
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre, Note, NoteSequence, Tempo

_HEAD = 8  # bytes: a name of four letters and a size
_NAME = re.compile(rb"[ -~]{4}")
_TRACK = b"MTrk"
__all__ = ["EXTENSIONS", "MAX_BYTES", "MOST_TICKS", "TICKS", "WRAPPED", "Oddities", "Read", "parse", "read"]
__all__ += ["read_all", "resolution", "to_bytes", "write"]

EXTENSIONS = (".mid", ".midi")
WRAPPED = (".rmi",)
"""Of MIDI files in RIFF files, which are read and not written; many of them are called .mid."""
MAX_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Chunks:
    """A file of format `kind` (0, 1 or 2) with `ticks` in a beat (0 or less: it counts frames of film), the bytes of
    its `tracks`, and what was odd."""

    kind: int
    ticks: int
    tracks: tuple[bytes, ...]
    oddities: Oddities


def split_chunks(data: bytes, name: str) -> Chunks:
    """The chunks of a MIDI file, or of one that lies in a RIFF file; errors call it `name`.

    Chunks of another kind are skipped, as the standard asks, and tracks that the header counts may be missing.

    Raises:
        MusicError: no MIDI file, one that is cut off within a chunk or has no track, or a damaged one.
    """
    wrapped = data[:4] == b"RIFF" and data[8:12] == b"RMID"
    if wrapped:
        data = _unwrapped(data)
    if not data.startswith(b"MThd"):
        inside = "what is in the RIFF file" if wrapped else "it"
        raise MusicError(f"{name} is not a MIDI file: {inside} doesn't begin with MThd.")
    head, place = _chunk(data, 0, name)
    if len(head) < 6:
        raise MusicError(f"{name} is a damaged MIDI file: its header has {len(head)} bytes; expected 6.")
    kind, count, ticks = struct.unpack(">HHh", head[:6])
    tracks, unknown = list[bytes](), 0
    while len(tracks) < count and not _ends(data[place : place + _HEAD], name):
        is_track = data.startswith(_TRACK, place)
        body, place = _chunk(data, place, name)
        unknown += not is_track
        tracks += [body] if is_track else []
    if count and not tracks:
        raise MusicError(f"{name} is cut off: the MIDI file has a header and no track.")
    odd = Oddities(unknown=unknown, absent=count - len(tracks), wrapped=int(wrapped))
    return Chunks(kind, ticks, tuple(tracks), odd)


def _ends(head: bytes, name: str) -> bool:
    """Is there no other chunk? A few bytes more are padding, unless a track begins with them."""
    if len(head) < _HEAD and head and (head.startswith(_TRACK) or _TRACK.startswith(head)):
        raise _cut_off(name)
    return len(head) < _HEAD


def _chunk(data: bytes, place: int, name: str) -> tuple[bytes, int]:
    """The chunk that begins at `place`, and where the next one does."""
    head = data[place : place + _HEAD]
    if len(head) < _HEAD:
        raise _cut_off(name)
    if not _NAME.fullmatch(head[:4]):
        raise MusicError(f"{name} is a damaged MIDI file: no chunk begins at byte {place}, where one should.")
    start = place + _HEAD
    end = start + int.from_bytes(head[4:], "big")
    if end > len(data):
        raise _cut_off(name)
    return data[start:end], end


def _cut_off(name: str) -> MusicError:
    return MusicError(f"{name} is cut off: the MIDI file ends within a track or another chunk.")


def _unwrapped(data: bytes) -> bytes:
    """What is in the chunk `data` of a RIFF file; nothing where it has none."""
    place = 12
    while len(head := data[place : place + _HEAD]) == _HEAD:
        start, size = place + _HEAD, int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            return data[start : start + size]
        place = start + size + size % 2  # chunks of RIFF begin at even places
    return b""


@dataclass(frozen=True)
class Read:
    """A file's notes, what was odd about it, and its texts (such as how it was made)."""

    notes: NoteSequence
    oddities: Oddities
    texts: tuple[str, ...] = ()


def read(path: str | Path) -> NoteSequence:
    """The notes of a MIDI file of format 0 or 1.

    Each channel of each track is a voice. Channel 10 is the drums'.

    Raises:
        MusicError: the file can't be read, is no MIDI file, is damaged, has no notes, or is longer than MAX_BYTES.
    """
    return read_all(path).notes


def read_all(path: str | Path) -> Read:
    """As `read`, with what was odd and the file's texts.

    Raises:
        MusicError: as `read`.
    """
    return parse(_bytes(path), str(path))


def parse(data: bytes, name: str = "the file") -> Read:
    """As `read`, from the bytes of a file that errors call `name`, with what was odd.

    Raises:
        MusicError: as `read`.
    """
    if len(data) > MAX_BYTES:
        raise MusicError(f"{name} has {len(data)} bytes; a MIDI file may have up to {MAX_BYTES}.")
    chunks = split_chunks(data, name)
    if chunks.kind == 2:
        raise MusicError(
            f"{name} is a MIDI file of format 2, which holds several pieces. Save it as format 1."
        )
    if chunks.ticks <= 0:
        raise MusicError(f"{name} counts frames of film, not beats. Save it with ticks per quarter note.")
    try:
        tracks = [midi_events.read(track) for track in chunks.tracks]
    except MusicError as error:
        raise MusicError(f"{name} is a damaged MIDI file ({error}).") from error
    try:
        return _sequence(tracks, chunks)
    except MusicError as error:
        raise MusicError(f"{name}: {error}") from error


def _bytes(path: str | Path) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise MusicError(f"Can't read {path}: {error.strerror}. Expected a MIDI file.") from error


def _sequence(tracks: list[Events], chunks: Chunks) -> Read:
    beat = chunks.ticks
    by_track = [_notes(events) for events in tracks]
    raw = [((track, note.channel), note) for track, (notes, _) in enumerate(by_track) for note in notes]
    if not raw:
        raise MusicError("the MIDI file has no notes.")
    numbers = {voice: number for number, voice in enumerate(sorted({voice for voice, _ in raw}))}
    notes = tuple(
        Note(n.start / beat, n.pitch, n.end / beat, n.velocity, numbers[voice], n.channel == DRUM_CHANNEL)
        for voice, n in raw
    )
    tempos, bad_tempos = _latest((change for events in tracks for change in events.tempos), _tempo, beat)
    keys, bad_keys = _latest((change for events in tracks for change in events.keys), _key, beat)
    metres, bad_metres = _latest((change for events in tracks for change in events.metres), Metre, beat)
    length = max(events.end for events in tracks) / beat
    oddities = sum((odd for _, odd in by_track), chunks.oddities)
    oddities += Oddities(senseless=bad_tempos + bad_keys + bad_metres)
    texts = tuple(text for events in tracks for text in events.texts)
    return Read(NoteSequence(notes, tempos, keys, metres, length), oddities, texts)


@dataclass(frozen=True)
class _Held:
    """A key that is down since tick `start`; `end` is the tick at which it was released."""

    start: int
    channel: int
    pitch: int
    velocity: int
    end: int = -1


def _notes(events: Events) -> tuple[list[_Held], Oddities]:
    """The notes of a track: of several of one pitch that are held at once, the first to begin is the first to end."""
    held: dict[tuple[int, int], deque[_Held]] = {}
    ended: list[_Held] = []
    stray = 0
    for tick, channel, pitch, velocity in events.presses:
        waiting = held.setdefault((channel, pitch), deque())
        if velocity:
            waiting.append(_Held(tick, channel, pitch, velocity))
        elif waiting:
            ended.append(replace(waiting.popleft(), end=tick))
        else:
            stray += 1
    hanging = [replace(note, end=events.end) for waiting in held.values() for note in waiting]
    notes = [note for note in ended + hanging if note.end > note.start]
    empty = len(ended) + len(hanging) - len(notes)
    return notes, Oddities(len(hanging), empty, stray, events.senseless, events.clipped)


_Change = TypeVar("_Change", Tempo, KeyChange, Metre)


def _latest(
    changes: Iterable[tuple[int, ...]], make: Callable[..., _Change], beat: int
) -> tuple[tuple[_Change, ...], int]:
    """Changes of all tracks that `make` makes of the beat and the numbers, the last of several at a tick; how many made
    no sense."""
    by_tick: dict[int, _Change] = {}
    senseless = 0
    for tick, *numbers in sorted(changes, key=lambda change: change[0]):
        try:
            by_tick[tick] = make(tick / beat, *numbers)
        except (MusicError, ZeroDivisionError):
            senseless += 1
    return tuple(by_tick.values()), senseless


def _tempo(when: float, microseconds: int) -> Tempo:
    return Tempo(when, 60e6 / microseconds)


def _key(when: float, sharps: int, mode: int) -> KeyChange:
    return KeyChange(when, Key.of(sharps, {0: "major", 1: "minor"}.get(mode, "")))
