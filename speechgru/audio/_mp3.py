"""How long an MP3 is: from its Xing or Info header, else by walking from frame to frame.

Where that header is missing, libsndfile expects the bit rate of the first frame throughout, and stops early.
Source: ISO/IEC 11172-3 (frame header), the Xing header as LAME writes it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits


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


def length_of(file: BinaryIO) -> Mp3Length:
    """The length of the MP3 in `file`; 0 samples where no frame follows the ID3 tag.

    Moves the file position.
    """
    position = _after_id3(file)
    first = _frame(_read(file, position, 4))
    if first is None:
        return Mp3Length(0, False)
    tag = _read(file, position + 4 + first.side, 12)
    tagged = tag[:4] in (b"Xing", b"Info")
    count = int.from_bytes(tag[8:12], "big") if tagged and tag[7] & 1 else 0
    if count:
        return Mp3Length(count * first.samples, True)
    return _walk(file, position + first.size if tagged else position)


def _walk(file: BinaryIO, position: int) -> Mp3Length:
    file.seek(0, os.SEEK_END)
    size, samples = file.tell(), 0
    while (frame := _frame(_read(file, position, 4))) is not None:
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
    return _Frame(size, samples, (17 if mono else 32) if first else (9 if mono else 17))


def _after_id3(file: BinaryIO) -> int:
    head = _read(file, 0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def _read(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)
