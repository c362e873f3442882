"""Tags that lie before, behind or between sounds and are none: ID3, APE, Lyrics3.

Sources: id3.org (ID3v1, ID3v2.4), wiki.hydrogenaud.io (APEv2), id3.org/Lyrics3v2.
"""

from __future__ import annotations

from typing import BinaryIO

from speechgru.audio.window import read_at

_ID3V1 = 128
_APE_FOOTER = 32
_LYRICS_END = 15  # six digits and "LYRICS200"


def after_tag(file: BinaryIO, position: int) -> int:
    """Where the tag that begins at `position` ends; `position` itself where none does."""
    head = read_at(file, position, 32)
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return position + 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) == 32:
        has_header = int.from_bytes(head[20:24], "little") & 1 << 29  # this is the header, not the footer
        return position + 32 + (int.from_bytes(head[12:16], "little") if has_header else 0)
    return position + _ID3V1 if head[:3] == b"TAG" else position


def before_tags(file: BinaryIO, size: int) -> int:
    """Where the tags at the end of a file of `size` bytes begin; `size` where there are none."""
    end = size
    while (start := _tag_before(file, end)) < end:
        end = start
    return end


def _tag_before(file: BinaryIO, end: int) -> int:
    if end >= _ID3V1 and read_at(file, end - _ID3V1, 3) == b"TAG":
        return end - _ID3V1
    if end >= _APE_FOOTER:
        footer = read_at(file, end - _APE_FOOTER, _APE_FOOTER)
        if footer[:8] == b"APETAGEX":
            header = 32 if int.from_bytes(footer[20:24], "little") & 1 << 31 else 0
            start = end - int.from_bytes(footer[12:16], "little") - header
            return start if 0 <= start < end else end
    if end >= _LYRICS_END:
        tail = read_at(file, end - _LYRICS_END, _LYRICS_END)
        if tail[6:] == b"LYRICS200" and tail[:6].isdigit():
            return max(end - _LYRICS_END - int(tail[:6]), 0)
    return end
