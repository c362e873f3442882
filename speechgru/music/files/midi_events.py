"""The events of a track of a MIDI file: keys of instruments, and what is said of tempo, key and metre.

Read by hand: other readers refuse a whole file for one senseless event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from speechgru.errors import MusicError

_LONGEST_NUMBER = 8  # bytes; the standard allows 4
_NOTE_OFF, _NOTE_ON, _PROGRAM, _PRESSURE = 0x80, 0x90, 0xC0, 0xD0
_META, _SYSTEM = 0xFF, (0xF0, 0xF7)
_TEXT, _TEMPO, _METRE, _KEY = 0x01, 0x51, 0x58, 0x59
# Bytes of data after the status of what belongs to no channel.
_COMMON = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_LEAST = {_TEMPO: 3, _METRE: 2, _KEY: 2}  # bytes


class Press(NamedTuple):
    """A key goes down at a tick; `velocity` 0: it is released."""

    tick: int
    channel: int
    pitch: int
    velocity: int


@dataclass
class Events:
    """What is in a track; each with its tick.

    `tempos` are in microseconds a beat, `keys` in sharps (flats are negative) with the byte of the mode (0 major,
    1 minor), `metres` with their two numbers. `end` is the last event's tick. `clipped` and `senseless` as in Oddities.
    """

    presses: list[Press] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    keys: list[tuple[int, int, int]] = field(default_factory=list)
    metres: list[tuple[int, int, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    end: int = 0
    clipped: int = 0
    senseless: int = 0


def read(track: bytes) -> Events:
    """The events of a track.

    Raises:
        MusicError: the track is damaged, or ends within an event.
    """
    events, reader = Events(), _Reader(track)
    status = None
    while reader.place < len(track):
        events.end += reader.number()
        first = reader.byte()
        if first == _META:
            kind = reader.byte()
            _meta(events, kind, reader.bytes(reader.number()))
        elif first in _SYSTEM:
            reader.bytes(reader.number())
        elif first >= 0xF0:
            if first not in _COMMON:
                raise MusicError(f"there is no status byte {first:#04x}")
            reader.bytes(_COMMON[first])
        else:
            if first >= 0x80:
                status, begun = first, b""
            else:
                begun = bytes([first])  # the status is the one before
            if status is None:
                raise MusicError("data without a status byte before it")
            _channel(events, status, begun, reader)
    return events


class _Reader:
    """Takes bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def bytes(self, count: int) -> bytes:
        taken = self._data[self.place : self.place + count]
        if len(taken) < count:
            raise MusicError("the track ends within an event")
        self.place += count
        return taken

    def byte(self) -> int:
        return self.bytes(1)[0]

    def number(self) -> int:
        """Seven bits a byte, as long as the eighth is set."""
        value = 0
        for _ in range(_LONGEST_NUMBER):
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise MusicError("a number goes on for too long")


def _channel(events: Events, status: int, begun: bytes, reader: _Reader) -> None:
    """A message of a channel, of which the data in `begun` is read."""
    kind, channel = status & 0xF0, status & 0x0F
    size = 1 if kind in (_PROGRAM, _PRESSURE) else 2
    data = begun + reader.bytes(size - len(begun))
    events.clipped += sum(byte > 127 for byte in data)
    if kind in (_NOTE_ON, _NOTE_OFF):
        pitch, velocity = (min(byte, 127) for byte in data)
        events.presses.append(Press(events.end, channel, pitch, velocity if kind == _NOTE_ON else 0))


def _meta(events: Events, kind: int, data: bytes) -> None:
    """What isn't played. The standard lets such an event be longer than we know."""
    if len(data) < _LEAST.get(kind, 0):
        events.senseless += 1
    elif kind == _TEXT:
        events.texts.append(data.decode("latin-1"))
    elif kind == _TEMPO:
        events.tempos.append((events.end, int.from_bytes(data[:3], "big")))
    elif kind == _METRE:
        events.metres.append((events.end, data[0], 2 ** data[1]))
    elif kind == _KEY:
        events.keys.append((events.end, int.from_bytes(data[:1], "big", signed=True), data[1]))
