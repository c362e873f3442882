"""WAV, FLAC, MP3, Ogg Vorbis, Opus and whatever else libsndfile decodes, front to back.

libsndfile quietly shortens WAV, AIFF, AU, Ogg and MP3 files that were cut to what is there (FLAC it reports itself),
so their headers are read here too, to tell a file that was cut from one that is whole. And where an MP3 has no Xing or
Info header, libsndfile expects the bit rate of the first frame throughout and stops early: its length is then taken by
walking from frame to frame.

Sources: RIFF/WAVE (Microsoft 1991), EBU Tech 3306 (RF64), AIFF 1.3, RFC 3533 (Ogg page).
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgru.audio import ogg
from speechgru.audio.mp3 import mp3_length
from speechgru.audio.riff import UNKNOWN_SIZE, wav_data
from speechgru.audio.window import read_at, size_of
from speechgru.errors import AudioError, AudioWarning
from speechgru.utils import signals

_PIECE = 4096  # frames per read, which is what an error in the middle of a file can cost
_NO_FRAME_COUNT = 1 << 62  # libsndfile's "unknown" is 2⁶³-1
_MP3_PADDING = 3 * 1152  # samples of encoder delay and padding that decoders drop, at most
_MP3_STRETCH = 40  # the highest bit rate over the lowest


def is_cut(file: BinaryIO) -> bool:
    """True if the header promises more bytes than there are, or an Ogg stream lacks its end."""
    size = size_of(file)
    head = read_at(file, 0, 12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:] == b"WAVE":
        start, length, _ = wav_data(file)
        return start + length > size
    if head[:4] == b"FORM" and head[8:11] == b"AIF":
        return 8 + int.from_bytes(head[4:8], "big") > size
    if head[:4] == b".snd":
        offset, length = struct.unpack(">II", head[4:])
        return bool(length < UNKNOWN_SIZE and offset + length > size)
    return head[:4] == b"OggS" and not ogg.ends(file)


class SoundfileDecoder:
    """A recording through libsndfile.

    Attributes: sample_rate (Hz), channels, frames (samples per channel as the file states, or None), format
    and subtype (libsndfile's names, as in "WAV" and "PCM_16").
    """

    def __init__(self, file: BinaryIO, owned: bool) -> None:
        """Read from `file`, which must be able to seek; close it at the end if it is `owned`.

        Raises:
            soundfile.LibsndfileError: it isn't a format that libsndfile knows. UnreadableError: the disk fails.
        """
        self._file, self._owned = file, owned
        self._view = _View(file)
        self._sound = _opened(self._view)
        self.sample_rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        self.format: str = self._sound.format
        self.subtype: str = self._sound.subtype
        self.frames: int | None = self._sound.frames if self._sound.frames < _NO_FRAME_COUNT else None
        self._promised = self.frames or 0
        self.notes: tuple[AudioWarning, ...] = ()
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
            self._view = _View(self._file, _MP3_STRETCH)
            self._sound = _opened(self._view)
            self.frames = length.samples

    def read(self, count: int) -> NDArray[np.float32]:
        """The next samples [time ≤ count, channels]; fewer than `count` only at the end or at the first
        damage.

        Raises:
            UnreadableError: the disk fails; whatever else a file object raises, as it is.
        """
        pieces = [np.zeros((0, self.channels), np.float32)]
        wanted = count
        while wanted and not self._error:
            try:
                with signals.held():
                    piece = self._sound.read(self._step(wanted, pieces), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                self._error = error.error_string
            self._view.check()
            if self._error or not len(piece):
                break
            pieces.append(piece)
            wanted -= len(piece)
        self._frames_read += count - wanted
        return np.concatenate(pieces)

    def _step(self, wanted: int, pieces: list[NDArray[np.float32]]) -> int:
        """Frames to ask for. A FLAC decoder that looks for more than there are loses what it has in hand."""
        if self.format != "FLAC" or not self.frames:
            return min(_PIECE, wanted)
        done = self._frames_read + sum(map(len, pieces))
        return max(min(_PIECE, wanted, self.frames - done), 0)

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


def _opened(view: _View) -> _Sequential:
    """The sound file that `view` is.

    Raises:
        soundfile.LibsndfileError: libsndfile doesn't know it. Whatever reading the file raised.
    """
    try:
        with signals.held():
            sound = _Sequential(view)
    except soundfile.LibsndfileError:
        view.check()
        raise
    view.check()
    return sound


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

    What reading raises is kept for `check`: cffi prints what a callback raises, and to libsndfile the file ends there.
    """

    def __init__(self, file: BinaryIO, stretch: int = 1) -> None:
        self._file, self._stretch = file, stretch
        self._failure: Exception | None = None
        self._size = size_of(file)
        self._patch_at = -8
        file.seek(0)
        if file.read(4) == b"RIFF":
            start, _, left_open = wav_data(file)
            self._patch_at = start - 4 if left_open else -8
        file.seek(0)
        self.tell = file.tell

    def check(self) -> None:
        """Raise what reading the file raised, if it did."""
        if self._failure is not None:
            raise self._failure

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        if whence == os.SEEK_END:
            offset, whence = self._size * self._stretch + offset, os.SEEK_SET
        # In short files libsndfile looks before the start; staying put tells it that it can't.
        try:
            self._file.seek(offset, whence)
        except ValueError:
            pass
        except Exception as error:
            self._failure = self._failure or error

    def read(self, length: int) -> bytes:
        if self._failure is not None:
            return b""
        try:
            return self._patched(length)
        except Exception as error:
            self._failure = error
            return b""

    def _patched(self, length: int) -> bytes:
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
