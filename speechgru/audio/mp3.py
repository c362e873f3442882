"""MP3 frame by frame: how long a stream is, and where one stream ends and the next begins.

Sources: ISO/IEC 11172-3 (the frame header), the Xing header as LAME writes it, id3.org (ID3v2.4).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import BinaryIO

from speechgru.audio.heads import FOREIGN, OTHERS
from speechgru.audio.tags import after_tag
from speechgru.audio.window import read_at

_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
_SYNC_FRAMES = 4  # so many frames, one behind the other, are no chance
_SURE_FRAMES = 8  # nor so many anywhere in gigabytes
_SCAN = 1 << 16


@dataclass(frozen=True)
class Mp3Length:
    """Samples per channel, encoder padding included.

    `stated` by a header, else counted; `cut` if counting ended in an incomplete frame.
    """

    samples: int
    stated: bool
    cut: bool = False


@dataclass(frozen=True)
class _Frame:
    size: int  # bytes
    samples: int
    side: int  # bytes of side information, behind which the Xing header lies
    kind: tuple[int, int, bool]  # version, rate, mono: what can't change within one stream


@dataclass(frozen=True)
class _Xing:
    """Frames and bytes that a Xing or Info header counts; 0 where it doesn't."""

    frames: int
    bytes: int


def mp3_length(file: BinaryIO) -> Mp3Length:
    """The length of the MP3 in `file`; 0 samples where no frame follows the ID3 tag.

    Moves the file position.
    """
    position = after_tag(file, 0)
    first = _frame(read_at(file, position, 4))
    if first is None:
        return Mp3Length(0, False)
    tag = _xing(file, position, first)
    if tag is not None and tag.frames:
        return Mp3Length(tag.frames * first.samples, True)
    return _walk(file, position if tag is None else position + first.size)


def _walk(file: BinaryIO, position: int) -> Mp3Length:
    file.seek(0, os.SEEK_END)
    size, samples = file.tell(), 0
    while (frame := _frame(read_at(file, position, 4))) is not None:
        position += frame.size
        if position > size:
            return Mp3Length(samples, False, cut=True)
        samples += frame.samples
    return Mp3Length(samples, False)


def _frame(header: bytes) -> _Frame | None:
    """What a layer III frame header says; None if `header` is none (or of the rare free format)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bits, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in _RATES or bits in (0, 15) or rate == 3:
        return None
    first, mono = version == 3, header[3] & 0xC0 == 0xC0
    bytes_per_second = (_KBITS_1 if first else _KBITS_2)[bits] * 125
    samples = 1152 if first else 576
    size = samples * bytes_per_second // _RATES[version][rate] + (header[2] >> 1 & 1)
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return _Frame(size, samples, side, (version, rate, mono))


def _xing(file: BinaryIO, position: int, frame: _Frame) -> _Xing | None:
    """The Xing or Info header in the `frame` at `position`, if it has one."""
    tag = read_at(file, position + 4 + frame.side, 16)
    if tag[:4] not in (b"Xing", b"Info") or len(tag) < 16:
        return None
    frames = int.from_bytes(tag[8:12], "big") if tag[7] & 1 else 0
    at = 12 if tag[7] & 1 else 8
    return _Xing(frames, int.from_bytes(tag[at : at + 4], "big") if tag[7] & 2 else 0)


def stream_end(file: BinaryIO, start: int, end: int) -> int:
    """Where the MP3 stream that begins at `start` (or with a tag there) ends; another may begin there. At most `end`.

    A stream ends where its Xing header has counted all frames, before the header of another, where rate or channels
    change, and where no frame follows. Damage inside it doesn't end it.
    """
    position = after_tag(file, start)
    frame = _frame(read_at(file, position, 4))
    if frame is None:
        return start
    tag = _xing(file, position, frame)
    if tag is not None and tag.bytes and position + tag.bytes == end:
        return end  # it counts all there is: no need to walk
    left, kind = tag.frames if tag is not None else 0, frame.kind
    counts, previous = left > 0, position
    position += frame.size
    if tag is None:
        left -= 1
    while position < end:
        frame = _frame(read_at(file, position, 4))
        if frame is None or position + frame.size > end:
            head = read_at(file, position, 16)
            if (
                frame is None
                and (OTHERS.match(head) or FOREIGN.match(head))
                and after_tag(file, position) == position
            ):
                return position
            found = _resync(file, previous + 1, end)
            if found is None or _begins(file, found, kind):
                return min(end if frame else position, end) if found is None else found
            previous = position = found
            continue
        if (counts and left <= 0) or frame.kind != kind or _xing(file, position, frame) is not None:
            return position
        left -= 1
        previous, position = position, position + frame.size
    return end


def find(file: BinaryIO, position: int, end: int) -> int | None:
    """The MP3 stream, or the tag right before it, that begins in [position, end) among sound of another codec;
    None: there is none. It has so many frames of one kind, one behind the other, that no chance makes them."""
    while position < end:
        piece = read_at(file, position, min(_SCAN + 3, end - position))
        for match in re.finditer(rb"\xff[\xe2-\xff]|ID3", piece):
            at = position + match.start()
            if match[0] != b"ID3" and _frame(piece[match.start() : match.start() + 4]) is None:
                continue
            if _is_stream(file, after_tag(file, at), end):
                return at
        position += _SCAN
    return None


def _is_stream(file: BinaryIO, position: int, end: int) -> bool:
    """Whether _SURE_FRAMES of one kind lie at `position`, or _SYNC_FRAMES that end at `end`."""
    kind, count = None, 0
    while count < _SURE_FRAMES and (frame := _frame(read_at(file, position, 4))) is not None:
        if position + frame.size > end or kind not in (None, frame.kind):
            return False
        kind, count, position = frame.kind, count + 1, position + frame.size
    return count == _SURE_FRAMES or (count >= _SYNC_FRAMES and position == end)


def _begins(file: BinaryIO, position: int, kind: tuple[int, int, bool]) -> bool:
    """Whether what lies at `position` is the start of another stream rather than more of one of `kind`."""
    frame = _frame(read_at(file, position, 4))
    return frame is None or frame.kind != kind or _xing(file, position, frame) is not None


def _resync(file: BinaryIO, position: int, end: int) -> int | None:
    """The first of a run of frames from `position` on, or a tag right before one; None where there is no more."""
    while position < end:
        piece = read_at(file, position, min(_SCAN + 3, end - position))
        for match in re.finditer(rb"\xff[\xe2-\xff]|ID3", piece):
            at = position + match.start()
            if is_run(file, after_tag(file, at), end):
                return at
        position += _SCAN
    return None


def is_run(file: BinaryIO, position: int, end: int) -> bool:
    """Whether several frames of MP3 lie at `position`, one behind the other."""
    for _ in range(_SYNC_FRAMES):
        frame = _frame(read_at(file, position, 4))
        if frame is None or position + frame.size > end:
            return False
        position += frame.size
    return True
