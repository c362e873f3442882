"""MIDI files written, through mido."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from speechgru.errors import MusicError
from speechgru.music.score import keys
from speechgru.music.score.notes import KeyChange, Metre, Note, NoteSequence, Tempo, nearest
from speechgru.utils.files import atomic_path

if TYPE_CHECKING:
    import mido

TICKS = 480
"""Ticks in a beat of what is written, where no time needs others."""
MOST_TICKS = 2**15 - 1
"""That a MIDI file can have in a beat."""
FINEST = MOST_TICKS // TICKS * TICKS
"""Ticks in a beat where no number of them holds all times: those that TICKS holds stay, others move by up to 1/65280 of
a beat."""
DRUM_CHANNEL = 9
_SLOWEST = 2**24 - 1  # microseconds a beat: what three bytes hold


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
    import mido

    if not sequence.notes:
        raise MusicError("There are no notes to write as MIDI.")
    ticks = resolution(sequence) if ticks is None else ticks
    parts = sorted({(note.voice, note.drum) for note in sequence.notes})
    end = max(nearest(sequence.length * ticks), 1)
    said = [_Event(0, 0, mido.MetaMessage("text", text=text))] if text else []
    tracks = [_track(said + _conductor(sequence, ticks), end, "")]
    pitched = 0
    for voice, drum in parts:
        notes = [note for note in sequence.notes if (note.voice, note.drum) == (voice, drum)]
        channel = DRUM_CHANNEL if drum else _channel(pitched)
        pitched += not drum
        tracks.append(
            _track(_note_messages(notes, channel, ticks), end, "Drums" if drum else f"Voice {voice + 1}")
        )
    stream = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=ticks, tracks=tracks).save(file=stream)
    return stream.getvalue()


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
    """A message at a tick; `rank` puts what ends before what begins there."""

    tick: int
    rank: int
    message: Any


def _channel(index: int) -> int:
    """Of 16 channels one is the drums'."""
    channel = index % 15
    return channel + (channel >= DRUM_CHANNEL)


def _conductor(sequence: NoteSequence, ticks: int) -> list[_Event]:
    import mido

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
    import mido

    messages = []
    for note in notes:
        start = nearest(note.start * ticks)
        end = max(nearest(note.end * ticks), start + 1)
        on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        off = mido.Message("note_off", channel=channel, note=note.pitch, velocity=64)
        messages += [_Event(start, 1, on), _Event(end, 0, off)]
    return messages


def _track(messages: list[_Event], end: int, name: str) -> mido.MidiTrack:
    import mido

    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)] if name else [])
    now = 0
    for tick, _, message in sorted(messages, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end - now, 0)))
    return track
