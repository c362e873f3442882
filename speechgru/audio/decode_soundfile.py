"""WAV, FLAC, MP3, Ogg Vorbis, Opus and whatever else libsndfile decodes, front to back."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgru.audio import _containers as containers
from speechgru.audio import _mp3 as mp3
from speechgru.errors import AudioError
from speechgru.utils import signals

_PIECE = 4096  # frames per read, which is what an error in the middle of a file can cost
_NO_FRAME_COUNT = 1 << 62  # libsndfile's "unknown" is 2⁶³-1
_MP3_PADDING = 3 * 1152  # samples of encoder delay and padding that decoders drop, at most
_MP3_STRETCH = 40  # the highest bit rate over the lowest


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
        length = mp3.length_of(self._file)
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
        if self._error or self._cut or containers.is_cut(self._file):
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
        self._size = containers.size_of(file)
        self._patch_at = -8
        file.seek(0)
        if file.read(4) == b"RIFF":
            start, _, left_open = containers.wav_data(file)
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
