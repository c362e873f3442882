"""WAV, FLAC, MP3, Ogg Vorbis, Opus and whatever else libsndfile decodes, front to back.

libsndfile quietly shortens WAV, AIFF, AU, Ogg and MP3 files that were cut to what is there (FLAC it reports itself),
so their headers are read here too, to tell a file that was cut from one that is whole. And where an MP3 has no Xing or
Info header, libsndfile expects the bit rate of the first frame throughout and stops early: its length is then taken by
walking from frame to frame.

Sources: RIFF/WAVE (Microsoft 1991), EBU Tech 3306 (RF64), AIFF 1.3, RFC 3533 (Ogg page), ISO/IEC 11172-3 (MP3's
frame header), the Xing header as LAME writes it.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgru.errors import AudioError
from speechgru.utils import signals

# Writers that can't seek back leave the size 0, or the largest they know (2³²-1; sox and espeak: a little
# under or at 2³¹).
_UNKNOWN_SIZE = 0x7FFF0000
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
_PIECE = 4096  # frames per read, which is what an error in the middle of a file can cost
_NO_FRAME_COUNT = 1 << 62  # libsndfile's "unknown" is 2⁶³-1
_MP3_PADDING = 3 * 1152  # samples of encoder delay and padding that decoders drop, at most
_MP3_STRETCH = 40  # the highest bit rate over the lowest


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


def mp3_length(file: BinaryIO) -> Mp3Length:
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


class SoundfileDecoder:
    """A recording through libsndfile.

    Attributes: sample_rate (Hz), channels, frames (samples per channel as the file states, or None), format
    and subtype (libsndfile's names, as in "WAV" and "PCM_16").
    """

    def __init__(self, file: BinaryIO, owned: bool) -> None:
        """Read from `file`, which must be able to seek; close it at the end if it is `owned`.

        Raises:
            soundfile.LibsndfileError: it isn't a format that libsndfile knows.
        """
        self._file, self._owned = file, owned
        with signals.held():
            self._sound = _Sequential(_View(file))
        self.sample_rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        self.format: str = self._sound.format
        self.subtype: str = self._sound.subtype
        self.frames: int | None = self._sound.frames if self._sound.frames < _NO_FRAME_COUNT else None
        self._promised = self.frames or 0
        self._cut = False
        self._frames_read = 0
        self._error = ""
        if self.format == "MP3":
            self._measure_mp3()

    def _measure_mp3(self) -> None:
        position = self._file.tell()
        length = mp3_length(self._file)
        self._file.seek(position)
        self._cut, self._promised = length.cut, length.samples - _MP3_PADDING
        if not length.stated and length.samples:
            self._sound.close()
            self._sound = _Sequential(_View(self._file, _MP3_STRETCH))
            self.frames = length.samples

    def read(self, count: int) -> NDArray[np.float32]:
        """The next samples [time ≤ count, channels]; fewer than `count` only at the end or at the first
        damage."""
        pieces = [np.zeros((0, self.channels), np.float32)]
        wanted = count
        while wanted and not self._error:
            try:
                with signals.held():
                    piece = self._sound.read(min(_PIECE, wanted), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                self._error = error.error_string
                break
            if not len(piece):
                break
            pieces.append(piece)
            wanted -= len(piece)
        self._frames_read += count - wanted
        return np.concatenate(pieces)

    def problem(self) -> str | None:
        """After the last read: why the recording isn't whole, or None."""
        seconds = f"{self._frames_read / self.sample_rate:.1f}"
        if self._frames_read < self._promised:
            return (
                f"damaged or cut short: {seconds} of {self._promised / self.sample_rate:.1f} s could be read."
            )
        if self._error or self._cut or is_cut(self._file):
            return f"damaged or cut short: {seconds} s could be read."
        return None

    def close(self) -> None:
        """Close the file, unless it is the caller's."""
        self._sound.close()
        if self._owned:
            self._file.close()


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """Front to back only: soundfile seeks after every read, and MP3 decoders then lack bits at each seam."""

    def seekable(self) -> bool:
        return False


class _View:
    """`file` as libsndfile should see it.

    It has no name to guess a format from. The data length of an unfinished WAV, 0 where a recorder was
    stopped hard, reads as the largest, or libsndfile would see no samples. An MP3 without a frame count seems
    `stretch` times as large, or libsndfile would stop where its first frame's bit rate makes it expect the
    end.
    """

    def __init__(self, file: BinaryIO, stretch: int = 1) -> None:
        self._file, self._stretch = file, stretch
        self._size = size_of(file)
        self._patch_at = -8
        file.seek(0)
        if file.read(4) == b"RIFF":
            start, _, left_open = wav_data(file)
            self._patch_at = start - 4 if left_open else -8
        file.seek(0)
        self.tell = file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        if whence == os.SEEK_END:
            offset, whence = self._size * self._stretch + offset, os.SEEK_SET
        # In short files libsndfile looks before the start; staying put tells it that it can't.
        with suppress(ValueError, OSError):
            self._file.seek(offset, whence)

    def read(self, length: int) -> bytes:
        position = self._file.tell()
        if position > self._size:
            return bytes(length)  # only a stretched view is read here, for the tag that may end an MP3
        data = self._file.read(length)
        if position >= self._patch_at + 4:
            return data
        patched = bytearray(data)
        for offset in range(max(0, self._patch_at - position), min(len(data), self._patch_at + 4 - position)):
            patched[offset] = 0xFF
        return bytes(patched)

    def write(self, data: bytes) -> int:
        raise AudioError("a recording that is being read can't be written")
