"""MP4, Matroska, ASF, AVI and Ogg files from outside: where one that is joined to another begins, how long tracks are.

ffmpeg reads the first of joined files, or reads on by a clock that has begun again.

Sources: ISO/IEC 14496-12 (MP4's boxes), RFC 9559 (Matroska), Microsoft's ASF and AVI specifications.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from speechgru.audio.mp3 import is_run
from speechgru.audio.ogg import chain_end
from speechgru.audio.riff import search
from speechgru.audio.tags import after_tag
from speechgru.audio.window import Part, read_at, size_of

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_NESTED = {b"moov", b"trak", b"mdia"}


def parts(file: BinaryIO) -> list[Part]:
    """The files that are joined in `file`, in order: one, where it is no container that is known here."""
    size, starts = size_of(file), [0]
    while starts[-1] < (end := _end(file, starts[-1], size)) < size and _is_head(file, end):
        starts.append(end)
    return [Part(start, end) for start, end in zip(starts, [*starts[1:], size])]


def _is_head(file: BinaryIO, position: int) -> bool:
    head = read_at(file, position, 16)
    is_riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    if _sound(file, position):
        return True
    return head[:4] == _EBML or head == _ASF or head[4:8] == b"ftyp" or head[:5] == b"OggS\0" or is_riff


def _sound(file: BinaryIO, position: int) -> bool:
    """Whether a sound file that is no container begins at `position`, perhaps behind a tag."""
    start = after_tag(file, position)
    if read_at(file, start, 4) in (b"RIFF", b"fLaC", b"OggS", b"FORM", b".snd"):
        return True
    return is_run(file, start, size_of(file))


def _end(file: BinaryIO, start: int, size: int) -> int:
    """Where the container that begins at `start` ends; `size` where that can't be told."""
    head = read_at(file, start, 16)
    if head[4:8] == b"ftyp":
        # What isn't a box may be another recording, of any kind.
        later = (
            at
            for at, kind, _ in _boxes(file, start, size)
            if at > start and (kind == b"ftyp" or _sound(file, at))
        )
        return next(later, size)
    if head[:4] == _EBML:
        return _matroska_end(file, start, size)
    if head == _ASF:
        return _asf_end(file, start, size)
    if head[:5] == b"OggS\0":
        return chain_end(file, start, size)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        end = start
        while (again := read_at(file, end, 12))[:4] == b"RIFF" and (again[8:] == b"AVIX" or end == start):
            length = int.from_bytes(again[4:8], "little")
            end += 8 + length + length % 2
        return min(end, size)
    return size


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, bytes, tuple[int, int]]]:
    """Start, kind and contents [start, end) of the MP4 boxes in [start, end), as far as they are whole."""
    while start + 8 <= end:
        length, kind = struct.unpack(">I4s", read_at(file, start, 8))
        head = 8
        if length == 1:
            length, head = int.from_bytes(read_at(file, start + 8, 8), "big"), 16
        length = length or end - start  # 0: to the end
        if length < head or start + length > end:
            yield start, kind, (start + head, end)
            return
        yield start, kind, (start + head, start + length)
        start += length


def mp4_seconds(file: BinaryIO) -> list[float | None]:
    """How long each audio track of an MP4 file is, delay included, in order; None where it isn't stated. Of another
    file, or one without its index, []."""
    if read_at(file, 4, 4) != b"ftyp":
        return []
    found: list[float | None] = []
    scale, duration = 0, 0
    for path, (start, end) in _nested(file, 0, size_of(file), ()):
        body = read_at(file, start, min(end - start, 64))
        if path == (b"moov", b"mvhd"):
            scale = int.from_bytes(body[20:24] if body[:1] == b"\1" else body[12:16], "big")
        if path == (b"moov", b"trak"):
            duration = 0  # of a track without a header nothing is known
        if path == (b"moov", b"trak", b"tkhd"):
            duration = int.from_bytes(body[28:36] if body[:1] == b"\1" else body[20:24], "big")
        if path == (b"moov", b"trak", b"mdia", b"hdlr") and body[8:12] == b"soun":
            is_stated = scale and duration not in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
            found.append(duration / scale if is_stated else None)
    return found


def _nested(
    file: BinaryIO, start: int, end: int, path: tuple[bytes, ...]
) -> Iterator[tuple[tuple[bytes, ...], tuple[int, int]]]:
    for _, kind, contents in _boxes(file, start, end):
        yield (*path, kind), contents
        if kind in _NESTED and len(path) < 3:
            yield from _nested(file, *contents, (*path, kind))


def _matroska_end(file: BinaryIO, start: int, size: int) -> int:
    position = start
    for element in (_EBML, _SEGMENT):
        if read_at(file, position, 4) != element:
            # Voids may lie between; a live recording's segment has no length.
            break
        length, width = _vint(read_at(file, position + 4, 8))
        if length is None:
            break
        position += 4 + width + length
    else:
        return min(position, size)
    return search(file, re.escape(_EBML) + rb".{0,48}\x42\x82.(?:webm|matroska)", position + 4, size) or size


def _vint(data: bytes) -> tuple[int | None, int]:
    """The length that an EBML variable-size integer states (None: unknown), and the bytes it takes."""
    width = 9 - data[0].bit_length() if data and data[0] else 9
    if width > 8 or len(data) < width:
        return None, 0
    value = int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), width


def _asf_end(file: BinaryIO, start: int, size: int) -> int:
    position = start
    while position + 24 <= size and (position == start or read_at(file, position, 16) != _ASF):
        length = int.from_bytes(read_at(file, position + 16, 8), "little")
        if length < 24:
            return size
        position += length
    return min(position, size)
