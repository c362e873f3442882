"""Where one file holds more than its first header counts: recordings joined end to end, or a header that is wrong.

Joined files (`cat a.mp3 b.mp3`), chained Ogg streams and files written on after a crash are read whole by what their
own structure says; what lies behind the sound and is none (tags, padding, text) is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from speechgru.audio import heads, mp3, riff
from speechgru.audio.ogg import chain_end
from speechgru.audio.riff import Extent
from speechgru.audio.tags import after_tag, before_tags
from speechgru.audio.window import Part, read_at, size_of

# Heads that no chance makes. Of FLAC the metadata block STREAMINFO, which comes first: type 0 (perhaps the last one),
# 34 bytes; of Ogg a first page, whose position is 0.
_HEADS = rb"fLaC[\x00\x80]\x00\x00\x22|OggS\x00\x02\x00{8}|RIFF....WAVEfmt |FORM....AIF[FC]COMM"
_HEADS += rb"|\.snd\x00\x00.{6}\x00\x00\x00[\x01-\x1b]\x00"
# And of MP4, Matroska and ASF, which are only known here to lie behind.
_HEADS += rb"|\x00\x00\x00[\x08-\x40]ftyp[\x20-\x7e]{4}|\x1a\x45\xdf\xa3.{1,8}\x42[\x82\x86\xf2\xf3\xf7]"
_HEADS += rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"


@dataclass(frozen=True)
class Layout:
    """The recordings of a file, in order; one at least. `notes`: what its headers have wrong, though all is read;
    `unread`: bytes behind them that are sound too, but that can't be read here."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    unread: int = 0


def layout(file: BinaryIO) -> Layout:
    """How `file`, which must be able to seek, is to be read. What isn't known is one part, whole."""
    size = size_of(file)
    end = before_tags(file, size)
    parts: list[Part] = []
    notes: list[str] = []
    position, unread = 0, 0
    while position < end:
        start = after_tag(file, position)
        walk = _walker(file, start)
        extent = None if walk is None else walk(file, start, end)
        if walk is not None and extent is not None:
            is_open = walk in (riff.aiff, riff.w64, riff.caf) and start < extent.end < end
            goes_on = is_open and riff.are_samples(file, start, extent.end, extent.end, end)
            unread = end - extent.end if goes_on else 0
        if extent is None or extent.end <= start:
            if start > position:
                position = start
                continue
            break
        parts += extent.parts
        notes += [extent.note] if extent.note else []
        position = extent.end
    if parts and position < end and heads.FOREIGN.match(read_at(file, position, 16)):
        unread = end - position
    if len(parts) < 2 and not any(part.prefix for part in parts):
        # Tags before the sound stay: decoders know them.
        return Layout((Part(0, parts[0].end if parts else size),), unread=unread)
    return Layout(tuple(parts), tuple(notes), unread)


def _walker(file: BinaryIO, start: int) -> Callable[[BinaryIO, int, int], Extent] | None:
    head = read_at(file, start, 16)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return riff.wav
    if head[:4] == b"FORM" and head[8:11] == b"AIF":
        return riff.aiff
    known = (
        (b".snd", riff.au),
        (heads.W64, riff.w64),
        (b"caff", riff.caf),
        (b"OggS\0", _ogg),
        (b"fLaC", _flac),
    )
    for magic, walk in known:
        if head.startswith(magic):
            return walk
    return _mp3 if head[:1] == b"\xff" else None


def _mp3(file: BinaryIO, start: int, end: int) -> Extent:
    stop = mp3.stream_end(file, start, end)
    return Extent(stop, (Part(start, stop),))


def _ogg(file: BinaryIO, start: int, end: int) -> Extent:
    stop = chain_end(file, start, end)
    return Extent(stop, (Part(start, stop),))


def _flac(file: BinaryIO, start: int, end: int) -> Extent:
    """A FLAC stream states no end: it goes on to the head of another recording."""
    position = start + 4
    while position + 4 <= end:  # not in a picture or a comment
        head = read_at(file, position, 4)
        position += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    stop = riff.search(file, _HEADS, position, end) or end
    stop = mp3.find(file, position, stop) or stop
    return Extent(stop, (Part(start, stop),))
