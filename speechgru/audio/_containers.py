"""What audio files say about their own length, to tell a file that was cut from one that is whole.

libsndfile quietly shortens cut WAV, AIFF, AU, Ogg and MP3 files to what is there; FLAC it reports itself.
Sources: RIFF/WAVE (Microsoft 1991), EBU Tech 3306 (RF64), AIFF 1.3, RFC 3533 (Ogg page).
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

# Writers that can't seek back leave the size 0, or the largest they know (2³²-1; sox and espeak: a little
# under or at 2³¹).
_UNKNOWN_SIZE = 0x7FFF0000


def size_of(file: BinaryIO) -> int:
    """Bytes in `file`."""
    file.seek(0, os.SEEK_END)
    return file.tell()  # spooled files return nothing from seek before Python 3.11


def is_cut(file: BinaryIO) -> bool:
    """True if the header promises more bytes than there are, or an Ogg stream lacks its end."""
    size = size_of(file)
    head = _read(file, 0, 12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:] == b"WAVE":
        start, length, _ = wav_data(file)
        return start + length > size
    if head[:4] == b"FORM" and head[8:11] == b"AIF":
        return 8 + int.from_bytes(head[4:8], "big") > size
    if head[:4] == b".snd":
        offset, length = struct.unpack(">II", head[4:])
        return bool(length < _UNKNOWN_SIZE and offset + length > size)
    return head[:4] == b"OggS" and not _ogg_ends(file, size)


def wav_data(file: BinaryIO) -> tuple[int, int, bool]:
    """Start and length in bytes of a WAV file's samples, and whether its writer left the length open.

    Without a data chunk, (size, 0, False). An open length is 0 or near its largest value; then the samples go
    on to the end.
    """
    size = size_of(file)
    riff_size = int.from_bytes(_read(file, 4, 4), "little")
    position, long_size = 12, None
    while position + 8 <= size:
        name, length = struct.unpack("<4sI", _read(file, position, 8))
        position += 8
        if name == b"ds64":
            long_size = int.from_bytes(_read(file, position + 8, 8), "little")
        if name == b"data":
            if long_size is not None and length == 0xFFFFFFFF:
                length = long_size
            # A length of 0 is meant if the whole agrees with it (other chunks may follow), else left open.
            left_open = riff_size + 8 != size if length == 0 else _UNKNOWN_SIZE <= length > size - position
            return position, size - position if left_open else length, left_open
        position += length + length % 2
    return size, 0, False


def _ogg_ends(file: BinaryIO, size: int) -> bool:
    """True if the last Ogg page is whole and carries the end-of-stream flag."""
    start = max(0, size - 2 * 65536)  # a page has at most 65,307 bytes
    tail = _read(file, start, size - start)
    page = tail.rfind(b"OggS\0")
    if page < 0 or page + 27 > len(tail):
        return False
    segments = tail[page + 27 : page + 27 + tail[page + 26]]
    whole = len(segments) == tail[page + 26] and page + 27 + len(segments) + sum(segments) <= len(tail)
    return whole and bool(tail[page + 5] & 4)


def _read(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)
