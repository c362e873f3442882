"""The chunks of a MIDI file: its header, and the bytes of its tracks."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from speechgru.errors import MusicError
from speechgru.music.files.midi_oddities import Oddities

_HEAD = 8  # bytes: a name of four letters and a size
_NAME = re.compile(rb"[ -~]{4}")
_TRACK = b"MTrk"


@dataclass(frozen=True)
class Chunks:
    """A file of format `kind` (0, 1 or 2) with `ticks` in a beat (0 or less: it counts frames of film), the bytes of
    its `tracks`, and what was odd."""

    kind: int
    ticks: int
    tracks: tuple[bytes, ...]
    oddities: Oddities


def split(data: bytes, name: str) -> Chunks:
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
