"""MIDI files in and out, through mido.

Written and read again, a piece on the grid of ticks is the same, but for three things that MIDI can't say: two notes of
one pitch in one voice of which one lies within the other change their ends (the first to begin is the first to end),
voices are numbered anew without gaps, and a mode other than major and minor becomes the major key of its signature.

Instruments, pedals, bends and lyrics are not read.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import mido

from speechgru.errors import MusicError
from speechgru.files import atomic_path
from speechgru.music import keys
from speechgru.music.notes import KeyChange, Metre, Note, NoteSequence, Tempo, nearest

EXTENSIONS = (".mid", ".midi")
TICKS = 480
"""Ticks in a beat of what is written."""
MAX_BYTES = 4 * 2**20
_DRUM_CHANNEL = 9
_SLOWEST = 2**24 - 1  # microseconds a beat: what three bytes hold
_LONGEST_NUMBER = 8  # bytes; the standard allows 4


@dataclass(frozen=True)
class Oddities:
    """What was wrong in a file, and what was made of it.

    `hanging` notes were never released and end with their track. `empty` ones end when they begin and are left out,
    and so are `stray` releases of a note that isn't held, and `senseless` tempos and metres.
    """

    hanging: int = 0
    empty: int = 0
    stray: int = 0
    senseless: int = 0

    def __add__(self, other: Oddities) -> Oddities:
        return Oddities(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class Read:
    """A file's notes, what was odd about it, and its texts (such as how it was made)."""

    notes: NoteSequence
    oddities: Oddities
    texts: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------ in


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
    """As `read`, from the bytes of a file that errors call `name`; also says what was odd.

    Raises:
        MusicError: as `read`.
    """
    if len(data) > MAX_BYTES:
        raise MusicError(f"{name} has {len(data)} bytes; a MIDI file may have up to {MAX_BYTES}.")
    file = _load(data, name)
    if file.type == 2:
        raise MusicError(
            f"{name} is a MIDI file of format 2, which holds several pieces. Save it as format 1."
        )
    if file.ticks_per_beat <= 0:
        raise MusicError(f"{name} counts frames of film, not beats. Save it with ticks per quarter note.")
    try:
        return _sequence(file)
    except MusicError as error:
        raise MusicError(f"{name}: {error}") from error


def _bytes(path: str | Path) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise MusicError(f"Can't read {path}: {error.strerror}. Expected a MIDI file.") from error


class _Stream(io.BytesIO):
    """mido reads numbers a byte at a time for as long as they go on, which takes hours where somebody made them so."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._high = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self._high = self._high + 1 if len(found) == 1 and found[0] > 127 else 0
        if self._high > _LONGEST_NUMBER and size == 1:
            raise OSError("a number goes on for too long")
        return found


def _load(data: bytes, name: str) -> mido.MidiFile:
    if not data.startswith(b"MThd"):
        raise MusicError(f"{name} is not a MIDI file: it doesn't begin with MThd.")
    try:
        return mido.MidiFile(file=_Stream(data))
    except EOFError as error:
        raise MusicError(f"{name} is cut off: the MIDI file ends within a track.") from error
    except Exception as error:  # damaged bytes fail in mido in every way there is
        raise MusicError(f"{name} is a damaged MIDI file ({error or type(error).__name__}).") from error


def _sequence(file: mido.MidiFile) -> Read:
    beat = file.ticks_per_beat
    tracks = [list(_timed(track)) for track in file.tracks]
    found = [_notes(events) for events in tracks]
    raw = [((track, note.channel), note) for track, (notes, _) in enumerate(found) for note in notes]
    if not raw:
        raise MusicError("the MIDI file has no notes.")
    numbers = {voice: number for number, voice in enumerate(sorted({voice for voice, _ in raw}))}
    notes = tuple(
        Note(n.start / beat, n.pitch, n.end / beat, n.velocity, numbers[voice], n.channel == _DRUM_CHANNEL)
        for voice, n in raw
    )
    tempos, key_changes, metres, senseless = _changes(tracks, beat)
    length = max((events[-1][0] for events in tracks if events), default=0) / beat
    oddities = sum((odd for _, odd in found), Oddities(senseless=senseless))
    texts = tuple(message.text for events in tracks for _, message in events if message.type == "text")
    return Read(NoteSequence(notes, tempos, key_changes, metres, length), oddities, texts)


def _timed(track: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Messages with their tick."""
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


@dataclass(frozen=True)
class _Held:
    """A key that is down since tick `start`; `end` is the tick at which it was released."""

    start: int
    channel: int
    pitch: int
    velocity: int
    end: int = -1


def _notes(events: list[tuple[int, Any]]) -> tuple[list[_Held], Oddities]:
    """The notes of a track: of several of one pitch that are held at once, the first to begin is the first to end."""
    held: dict[tuple[int, int], deque[_Held]] = {}
    ended: list[_Held] = []
    stray = 0
    for tick, message in events:
        if message.type not in ("note_on", "note_off"):
            continue
        place = (message.channel, message.note)
        waiting = held.setdefault(place, deque())
        if message.type == "note_on" and message.velocity:
            waiting.append(_Held(tick, message.channel, message.note, message.velocity))
        elif waiting:
            ended.append(replace(waiting.popleft(), end=tick))
        else:
            stray += 1
    last = events[-1][0] if events else 0
    hanging = [replace(note, end=last) for waiting in held.values() for note in waiting]
    notes = [note for note in ended + hanging if note.end > note.start]
    return notes, Oddities(len(hanging), len(ended) + len(hanging) - len(notes), stray)


def _changes(
    tracks: list[list[tuple[int, Any]]], beat: int
) -> tuple[tuple[Tempo, ...], tuple[KeyChange, ...], tuple[Metre, ...], int]:
    """Changes of tempo, key and metre of all tracks, the last of several at a tick; how many made no sense."""
    tempos, key_changes, metres, senseless = {}, {}, {}, 0
    messages = sorted((pair for events in tracks for pair in events), key=lambda pair: pair[0])
    for tick, message in messages:
        when = tick / beat
        try:
            if message.type == "set_tempo":
                tempos[tick] = Tempo(when, 60e6 / message.tempo)
            elif message.type == "key_signature":
                key_changes[tick] = KeyChange(when, keys.parse(message.key))
            elif message.type == "time_signature":
                metres[tick] = Metre(when, message.numerator, message.denominator)
        except (MusicError, ZeroDivisionError):
            senseless += 1
    return tuple(tempos.values()), tuple(key_changes.values()), tuple(metres.values()), senseless


# ------------------------------------------------------------------------------------------------ out


def write(path: str | Path, sequence: NoteSequence, ticks: int = TICKS, text: str = "") -> None:
    """Write a MIDI file of format 1, whole or not at all: a track for tempo, key and metre, one for each voice.

    Times are moved to the nearest of `ticks` in a beat. Voices get channels in turn; drums get channel 10. `text`, in
    ASCII, becomes a text event at the beginning.

    Raises:
        MusicError: there is no note, or a tempo is too slow for MIDI. OSError: `path` can't be written.
    """
    data = to_bytes(sequence, ticks, text)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def to_bytes(sequence: NoteSequence, ticks: int = TICKS, text: str = "") -> bytes:
    """As `write`, the bytes of the file.

    Raises:
        MusicError: as `write`.
    """
    if not sequence.notes:
        raise MusicError("There are no notes to write as MIDI.")
    parts = sorted({(note.voice, note.drum) for note in sequence.notes})
    end = max(nearest(sequence.length * ticks), 1)
    said = [_Event(0, 0, mido.MetaMessage("text", text=text))] if text else []
    tracks = [_track(said + _conductor(sequence, ticks), end, "")]
    pitched = 0
    for voice, drum in parts:
        notes = [note for note in sequence.notes if (note.voice, note.drum) == (voice, drum)]
        channel = _DRUM_CHANNEL if drum else _channel(pitched)
        pitched += not drum
        tracks.append(
            _track(_note_messages(notes, channel, ticks), end, "Drums" if drum else f"Voice {voice + 1}")
        )
    stream = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=ticks, tracks=tracks).save(file=stream)
    return stream.getvalue()


class _Event(NamedTuple):
    """A message at a tick; `rank` puts what ends before what begins there."""

    tick: int
    rank: int
    message: Any


def _channel(index: int) -> int:
    """Of 16 channels one is the drums'."""
    channel = index % 15
    return channel + (channel >= _DRUM_CHANNEL)


def _conductor(sequence: NoteSequence, ticks: int) -> list[_Event]:
    messages: list[tuple[float, Any]] = []
    for tempo in sequence.tempos:
        microseconds = round(60e6 / tempo.qpm)
        if not 1 <= microseconds <= _SLOWEST:
            raise MusicError(f"A MIDI file can't hold a tempo of {tempo.qpm:g}; expected 3.6 to 60,000,000.")
        messages.append((tempo.beat, mido.MetaMessage("set_tempo", tempo=microseconds)))
    for change in sequence.keys:
        messages.append((change.beat, mido.MetaMessage("key_signature", key=_signature(change.key))))
    for metre in sequence.metres:
        values = {"numerator": metre.numerator, "denominator": metre.denominator}
        messages.append((metre.beat, mido.MetaMessage("time_signature", **values)))
    return [_Event(nearest(beat * ticks), 0, message) for beat, message in messages]


def _signature(key: keys.Key) -> str:
    if key.mode == "minor":
        return key.tonic + "m"
    return key.with_mode("major").tonic


def _note_messages(notes: list[Note], channel: int, ticks: int) -> list[_Event]:
    messages = []
    for note in notes:
        start = nearest(note.start * ticks)
        end = max(nearest(note.end * ticks), start + 1)
        on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        off = mido.Message("note_off", channel=channel, note=note.pitch, velocity=64)
        messages += [_Event(start, 1, on), _Event(end, 0, off)]
    return messages


def _track(messages: list[_Event], end: int, name: str) -> mido.MidiTrack:
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)] if name else [])
    now = 0
    for tick, _, message in sorted(messages, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end - now, 0)))
    return track
