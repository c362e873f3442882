"""MIDI files written."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from speechgru.errors import MusicError
from speechgru.music.score.notes import KeyChange, Metre, Note, NoteSequence, Tempo, nearest
from speechgru.utils.files import atomic_path

TICKS = 480
"""Ticks in a beat of what is written, where no time needs others."""
MOST_TICKS = 2**15 - 1
"""That a MIDI file can have in a beat."""
FINEST = MOST_TICKS // TICKS * TICKS
"""Ticks in a beat where no number of them holds all times: those that TICKS holds stay, others move by up to 1/65280 of
a beat."""
DRUM_CHANNEL = 9
_SLOWEST = 2**24 - 1  # microseconds a beat: what three bytes hold
_NOTE_OFF, _NOTE_ON, _META = 0x80, 0x90, 0xFF
_TEXT, _NAME, _END, _TEMPO, _METRE, _KEY = 0x01, 0x03, 0x2F, 0x51, 0x58, 0x59
_METRONOME = 24, 8  # MIDI clocks a click, 32nd notes in a quarter note: the standard's usual ones
_RELEASE = 64  # velocity of a key that goes up, where nothing is known of it


def write(path: str | Path, sequence: NoteSequence, ticks: int | None = None, text: str = "") -> None:
    """Write a MIDI file of format 1, whole or not at all: a track for tempo, key and metre, one for each voice.

    Times are moved to the nearest of `ticks` in a beat; by default as many as `resolution` says. Voices get channels in
    turn; drums get channel 10. `text`, in ASCII, becomes a text event at the beginning.

    Raises:
        MusicError: there is no note, or a tempo is too slow for MIDI. OSError: `path` can't be written.
    """
    data = to_bytes(sequence, ticks, text)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def to_bytes(sequence: NoteSequence, ticks: int | None = None, text: str = "") -> bytes:
    """As `write`, the bytes of the file.

    Raises:
        MusicError: as `write`.
    """
    if not sequence.notes:
        raise MusicError("There are no notes to write as MIDI.")
    ticks = resolution(sequence) if ticks is None else ticks
    parts = sorted({(note.voice, note.drum) for note in sequence.notes})
    end = max(nearest(sequence.length * ticks), 1)
    texts = [_Event(0, 0, _meta(_TEXT, text.encode("latin-1")))] if text else []
    tracks = [_track(texts + _conductor(sequence, ticks), end, "")]
    pitched = 0
    for voice, drum in parts:
        notes = [note for note in sequence.notes if (note.voice, note.drum) == (voice, drum)]
        channel = DRUM_CHANNEL if drum else _channel(pitched)
        pitched += not drum
        tracks.append(
            _track(_note_events(notes, channel, ticks), end, "Drums" if drum else f"Voice {voice + 1}")
        )
    header = struct.pack(">HHH", 1, len(tracks), ticks)
    return _chunk(b"MThd", header) + b"".join(_chunk(b"MTrk", track) for track in tracks)


def resolution(sequence: NoteSequence) -> int:
    """Ticks in a beat that hold all its times exactly: TICKS if they do, else as few as possible up to MOST_TICKS;
    FINEST where none do."""
    changes: list[Tempo | KeyChange | Metre] = [*sequence.tempos, *sequence.keys, *sequence.metres]
    beats = {change.beat for change in changes} | {sequence.length}
    beats |= {beat for note in sequence.notes for beat in (note.start, note.end)}
    if _hold(TICKS, beats):
        return TICKS
    least = 1
    for beat in beats:
        # A beat of a file is a float that was ticks / MOST_TICKS or fewer: no other such fraction is as near.
        least = math.lcm(least, Fraction(beat).limit_denominator(MOST_TICKS).denominator)
        if least > MOST_TICKS:
            return FINEST
    return least if _hold(least, beats) else FINEST


def _hold(ticks: int, beats: Iterable[float]) -> bool:
    return all(nearest(beat * ticks) / ticks == beat for beat in beats)


class _Event(NamedTuple):
    """A message, its status byte first, at a tick; `rank` puts what ends before what begins there."""

    tick: int
    rank: int
    message: bytes


def _channel(index: int) -> int:
    """Of 16 channels one is the drums'."""
    channel = index % 15
    return channel + (channel >= DRUM_CHANNEL)


def _conductor(sequence: NoteSequence, ticks: int) -> list[_Event]:
    """Tempos, keys and metres."""
    messages: list[tuple[float, bytes]] = []
    for tempo in sequence.tempos:
        microseconds = round(60e6 / tempo.qpm)
        if not 1 <= microseconds <= _SLOWEST:
            raise MusicError(f"A MIDI file can't hold a tempo of {tempo.qpm:g}; expected 3.6 to 60,000,000.")
        messages.append((tempo.beat, _meta(_TEMPO, microseconds.to_bytes(3, "big"))))
    for change in sequence.keys:
        signature = struct.pack(">bB", change.key.fifths, change.key.mode == "minor")
        messages.append((change.beat, _meta(_KEY, signature)))
    for metre in sequence.metres:
        power = metre.denominator.bit_length() - 1
        messages.append((metre.beat, _meta(_METRE, bytes([metre.numerator, power, *_METRONOME]))))
    return [_Event(nearest(beat * ticks), 0, message) for beat, message in messages]


def _note_events(notes: list[Note], channel: int, ticks: int) -> list[_Event]:
    events = []
    for note in notes:
        start = nearest(note.start * ticks)
        end = max(nearest(note.end * ticks), start + 1)
        events.append(_Event(start, 1, bytes([_NOTE_ON | channel, note.pitch, note.velocity])))
        events.append(_Event(end, 0, bytes([_NOTE_OFF | channel, note.pitch, _RELEASE])))
    return events


def _track(events: list[_Event], end: int, name: str) -> bytes:
    """The bytes of a track: each message after the ticks since the one before, the status byte only where it changes
    (running status)."""
    track = bytearray(_number(0) + _meta(_NAME, name.encode("ascii")) if name else b"")
    now = status = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track += _number(tick - now)
        track += message[1:] if message[0] == status else message
        now, status = tick, message[0] if message[0] != _META else 0
    return bytes(track + _number(max(end - now, 0)) + _meta(_END))


def _meta(kind: int, data: bytes = b"") -> bytes:
    return bytes([_META, kind]) + _number(len(data)) + data


def _number(value: int) -> bytes:
    """Seven bits a byte, the eighth set in all but the last."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">I", len(data)) + data
