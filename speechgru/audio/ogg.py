"""Ogg page by page: where a stream ends and the next of the chain begins, and what tracks it has.

Source: RFC 3533 (pages, chains and groups of streams).
"""

from __future__ import annotations

from typing import BinaryIO

from speechgru.audio.window import read_at, size_of

_BEGINS, _ENDS = 2, 4
_AUDIO = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   ")
_SCAN = 1 << 16


def chain_end(file: BinaryIO, start: int, end: int) -> int:
    """Where the streams that begin together at `start` end: at the head of another, at `end`, or where no page is."""
    position, in_heads, behind, page = start, True, start, start
    while position + 27 <= end:
        head = read_at(file, position, 27)
        if head[:5] != b"OggS\0":
            found = _search(file, page + 5, end)  # inside the page before, if that one is cut
            if found is None:
                return behind
            page = position = found
            continue
        begins = bool(head[5] & _BEGINS)
        if begins and not in_heads:
            return position
        in_heads, page = begins, position
        position += 27 + head[26] + sum(read_at(file, position + 27, head[26]))
        behind = min(position, end)
    return behind


def _search(file: BinaryIO, position: int, end: int) -> int | None:
    while position < end:
        found = read_at(file, position, min(_SCAN + 4, end - position)).find(b"OggS\0")
        if found >= 0:
            return position + found
        position += _SCAN
    return None


def tracks(file: BinaryIO) -> int:
    """The audio streams that an Ogg file holds side by side; 0 where it is none."""
    position, count, size = 0, 0, size_of(file)
    while position + 27 <= size:
        head = read_at(file, position, 27)
        if head[:5] != b"OggS\0" or not head[5] & _BEGINS:
            break
        count += read_at(file, position + 27 + head[26], 8).startswith(_AUDIO)
        position += 27 + head[26] + sum(read_at(file, position + 27, head[26]))
    return count


def ends(file: BinaryIO) -> bool:
    """True if the last Ogg page is whole and carries the end-of-stream flag."""
    size = size_of(file)
    start = max(0, size - 2 * 65536)  # a page has at most 65,307 bytes
    tail = read_at(file, start, size - start)
    page = tail.rfind(b"OggS\0")
    if page < 0 or page + 27 > len(tail):
        return False
    segments = tail[page + 27 : page + 27 + tail[page + 26]]
    whole = len(segments) == tail[page + 26] and page + 27 + len(segments) + sum(segments) <= len(tail)
    return whole and bool(tail[page + 5] & _ENDS)
