"""Where WAV, AIFF, AU, W64 and CAF recordings end by their own headers, and whether samples go on behind that.

Sources: RIFF/WAVE (Microsoft 1991), EBU Tech 3306 (RF64), AIFF 1.3, the Sony Wave64 and Apple CAF specifications.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.heads import FOREIGN, OTHERS
from speechgru.audio.mp3 import is_run
from speechgru.audio.window import Part, Window, read_at, size_of

# Writers that can't seek back leave the size 0, or the largest they know (2³²-1; sox and espeak: a little
# under or at 2³¹).
UNKNOWN_SIZE = 0x7FFF0000
WRAP = 1 << 32
_SLICE = 1 << 30  # bytes of samples behind one header, where a file holds more than a header can count
_SCAN = 1 << 20
_WAVE = rb"(?:RIFF|RF64|BW64)....WAVE"
_AIFF = rb"FORM....AIF[FC]"
_JUDGED = 1 << 16  # bytes behind the samples by which they are judged
_AU_HEADER = 24  # bytes, at least
_TEXT = frozenset(range(32, 127)) | {9, 10, 13}


@dataclass(frozen=True)
class Extent:
    """Where a recording ends, as which parts it is read, and what its header has wrong (a sentence, or "")."""

    end: int
    parts: tuple[Part, ...]
    note: str = ""


def wav_data(file: BinaryIO) -> tuple[int, int, bool]:
    """Start and length in bytes of a WAV file's samples, and whether its writer left the length open.

    Without a data chunk, (size, 0, False). An open length is 0 or near its largest value; then the samples go
    on to the end.
    """
    size = size_of(file)
    riff_size = int.from_bytes(read_at(file, 4, 4), "little")
    position, long_size = 12, None
    while position + 8 <= size:
        name, length = struct.unpack("<4sI", read_at(file, position, 8))
        position += 8
        if name == b"ds64":
            long_size = int.from_bytes(read_at(file, position + 8, 8), "little")
        if name == b"data":
            if long_size is not None and length == 0xFFFFFFFF:
                length = long_size
            # A length of 0 is meant if the whole agrees with it (other chunks may follow), else left open.
            left_open = riff_size + 8 != size if length == 0 else UNKNOWN_SIZE <= length > size - position
            return position, size - position if left_open else length, left_open
        position += length + length % 2
    return size, 0, False


def wav(file: BinaryIO, start: int, end: int) -> Extent:
    """The WAV, RF64 or BW64 recording that begins at `start`; nothing of it lies behind `end`."""
    data, length, left_open = wav_data(Window(file, Part(start, end)))  # type: ignore[arg-type]
    data += start
    stated = data + length
    if left_open or stated > end:  # what follows may be another recording, inside what the header promises
        following = search(file, _WAVE, data, end)
        if following is None:
            return Extent(end, (Part(start, end),))
        patched = _wav_parts(file, start, data, following) if left_open else (Part(start, following),)
        return Extent(following, patched)
    if (wraps := (end - stated) // WRAP) and (end - stated) % WRAP < _SCAN:
        whole = stated + wraps * WRAP
        note = f"its header counts {length} bytes of samples, of which it can't count more than 4 GiB; all were read."
        return Extent(end, _wav_parts(file, start, data, whole), note)
    behind = _after_chunks(file, stated, end)
    if behind == end or re.match(_WAVE, read_at(file, behind, 12), re.DOTALL):
        return Extent(behind, (Part(start, behind),))
    if (inside := search(file, _WAVE, data, stated)) is not None:  # this one was cut before it was joined
        return Extent(inside, (Part(start, inside),))
    if not are_samples(file, data, stated, behind, end):
        return Extent(behind, (Part(start, behind),))
    whole = search(file, _WAVE, behind, end) or end
    note = f"its header counts {length} of {whole - data} bytes of samples; all were read."
    return Extent(whole, _wav_parts(file, start, data, whole), note)


def _wav_parts(file: BinaryIO, start: int, data: int, end: int) -> tuple[Part, ...]:
    """The samples [data, end) behind the header at `start`, in slices that a header can count."""
    header = bytearray(read_at(file, start, data - start))
    header[:4] = b"RIFF"
    if (ds64 := header.find(b"ds64", 12, 16)) > 0:
        header[ds64 : ds64 + 4] = b"JUNK"
    block = _block(file, start, data)
    parts = []
    for begin in range(data, max(end - block + 1, data + 1), _SLICE // block * block):
        stop = min(begin + _SLICE // block * block, begin + (end - begin) // block * block)
        struct.pack_into("<I", header, 4, len(header) - 8 + stop - begin)
        struct.pack_into("<I", header, len(header) - 4, stop - begin)
        parts.append(Part(begin, stop, bytes(header)))
    return tuple(parts)


def _block(file: BinaryIO, start: int, data: int) -> int:
    """Bytes of one frame of all channels; 1 where the header doesn't say."""
    header = read_at(file, start, data - start)
    at = header.find(b"fmt ")
    return (int.from_bytes(header[at + 20 : at + 22], "little") if at > 0 else 0) or 1


def _after_chunks(file: BinaryIO, position: int, end: int) -> int:
    """Behind the chunks (tags, cue points) that follow `position`, with or without the byte that makes it even."""
    while position + 8 <= end:
        for at in (position + position % 2, position):
            name, length = struct.unpack("<4sI", read_at(file, at, 8).ljust(8, b"\0"))
            if re.fullmatch(rb"[A-Za-z][\x20-\x7e]{3}", name) and name not in (b"RIFF", b"RF64", b"BW64"):
                break
        else:
            return position + (position % 2 if read_at(file, position, 1) == b"\0" else 0)
        if at + 8 + length > end:
            return position
        position = at + 8 + length
    return position if end - position >= 8 else end


def are_samples(file: BinaryIO, data: int, stated: int, behind: int, end: int) -> bool:
    """Whether the bytes [behind, end) go on with the samples [data, stated).

    Padding, text and compressed or random bytes are none: padding is one value, text is printable, and the others
    use all byte values alike, in every place of a sample, which the samples before don't.
    """
    left = min(end - behind, _JUDGED)
    if behind != stated or left < 1024:  # chunks lie between, or it is less than a word
        return False
    head = read_at(file, behind, 16)
    if OTHERS.match(head) or FOREIGN.match(head) or is_run(file, behind, end):
        return False
    bytes_behind = np.frombuffer(read_at(file, behind, left), np.uint8)
    if (bytes_behind == bytes_behind[0]).all() or np.isin(bytes_behind, list(_TEXT)).mean() > 0.95:
        return False
    before = np.frombuffer(read_at(file, max(data, stated - _JUDGED), min(_JUDGED, stated - data)), np.uint8)
    return not _is_flat(bytes_behind) or _is_flat(before)


def _is_flat(values: NDArray[np.uint8]) -> bool:
    """Whether all byte values are about as frequent, as in random or compressed bytes (chi-squared, 255 degrees)."""
    if len(values) < 1024:
        return False
    expected = len(values) / 256
    statistic = float(((np.bincount(values, minlength=256) - expected) ** 2).sum() / expected)
    return statistic < 255 + 0.05 * len(values)


def aiff(file: BinaryIO, start: int, end: int) -> Extent:
    """The AIFF recording that begins at `start`."""
    length = 8 + int.from_bytes(read_at(file, start + 4, 4), "big")
    stop = start + length + length % 2
    if start + length == end or re.match(_AIFF, read_at(file, stop, 12), re.DOTALL):
        return Extent(min(stop, end), (Part(start, min(stop, end)),))
    # Cut, or cut before it was joined.
    inside = search(file, _AIFF, start + 12, min(start + length, end))
    stop = min(stop, end) if inside is None else inside
    return Extent(stop, (Part(start, stop),))


def au(file: BinaryIO, start: int, end: int) -> Extent:
    """The AU recording that begins at `start`."""
    head = read_at(file, start, _AU_HEADER)
    if len(head) < _AU_HEADER or start + _AU_HEADER > end:
        return Extent(end, (Part(start, end),))
    stated, length = struct.unpack(">II", head[4:12])
    offset, notes = max(stated, _AU_HEADER), []
    if offset > stated:
        notes.append(
            f"its header lets its samples begin at byte {stated}, within itself; they were read from {offset} on."
        )
    stop, counts = _au_end(file, start, end, offset)
    if not counts:
        notes.append(
            f"its header counts {length} of {stop - start - offset} bytes of samples; all were read."
        )
    if not notes:
        return Extent(stop, (Part(start, stop),))
    counted = head[8:12] if counts else b"\xff" * 4
    prefix = head[:4] + struct.pack(">I", offset) + counted + read_at(file, start + 12, offset - 12)
    return Extent(stop, (Part(start + offset, stop, prefix),), " ".join(notes))


def _au_end(file: BinaryIO, start: int, end: int, offset: int) -> tuple[int, bool]:
    """Where the samples of the AU recording at `start` end, which begin `offset` bytes behind it, and whether its
    header counts them all."""
    head = read_at(file, start, _AU_HEADER)
    length = int.from_bytes(head[8:12], "big")
    stop = start + offset + length
    if stop == end or (stop < end and read_at(file, stop, 4) == b".snd"):
        return stop, True
    # Another recording of the same encoding: nearly 8 bytes that no chance makes.
    another = rb"\.snd.{8}" + re.escape(head[12:16])
    inside = search(file, another, start + offset, min(stop, end))
    if inside is not None or length >= UNKNOWN_SIZE or stop > end:
        return end if inside is None else inside, True
    if are_samples(file, start + offset, stop, stop, end):
        return search(file, another, stop, end) or end, False
    return stop, True


def w64(file: BinaryIO, start: int, end: int) -> Extent:
    """The Wave64 recording that begins at `start`; its lengths include their own headers."""
    stop = start + int.from_bytes(read_at(file, start + 16, 8), "little")
    stop = stop if start + 40 < stop <= end else end
    return Extent(stop, (Part(start, stop),))


def caf(file: BinaryIO, start: int, end: int) -> Extent:
    """The CAF recording that begins at `start`."""
    position, has_data = start + 8, False
    while position + 12 <= end:
        name, length = struct.unpack(">4sq", read_at(file, position, 12))
        fits = length >= 0 and position + 12 + length <= end
        if not re.fullmatch(rb"[A-Za-z][\x20-\x7e]{3}", name) or name == b"caff" or (has_data and not fits):
            break
        if not fits:
            position = search(file, rb"caff\x00\x01\x00\x00desc", position + 12, end) or end
            break
        position, has_data = position + 12 + length, has_data or name == b"data"
    return Extent(position, (Part(start, position),))


def search(file: BinaryIO, pattern: bytes, position: int, end: int) -> int | None:
    """The first place from `position` on where the bytes match `pattern`, of at most 64 bytes."""
    compiled = re.compile(pattern, re.DOTALL)
    while position < end:
        match = compiled.search(read_at(file, position, min(_SCAN + 64, end - position)))
        if match is not None:
            return position + match.start()
        position += _SCAN
    return None
