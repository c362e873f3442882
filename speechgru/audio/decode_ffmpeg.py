"""What libsndfile can't decode (M4A, WMA, WebM, video, ...), through a pipe from the ffmpeg program where it
is installed."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import AudioError

# AU is the one container whose header a few lines can read, and it needs no length: magic, offset, length,
# encoding, rate, channels.
_AU = struct.Struct(">4sIIIII")
_AU_FLOAT = 6


def is_installed() -> bool:
    """True if a program `ffmpeg` is on the PATH."""
    return shutil.which("ffmpeg") is not None


class FfmpegDecoder:
    """The first audio track of a file, as ffmpeg decodes it; same face as `decoding.SoundfileDecoder`.

    Attributes: sample_rate (Hz), channels, frames (samples per channel as the container states, or None),
    format, subtype.
    """

    format = "ffmpeg"
    subtype = ""

    def __init__(self, path: str) -> None:
        """Start ffmpeg on the file at `path`.

        Raises:
            AudioError: ffmpeg finds no audio in it.
        """
        # A file, since a pipe full of messages would stop ffmpeg.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (`close` closes it)
        self._process = subprocess.Popen(
            _command(path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
        )
        try:
            self._read_header()
        except BaseException:
            self.close()
            raise
        self._frames_read = 0
        self.frames = self._stated_frames()

    def _read_header(self) -> None:
        head = self._take(_AU.size)
        if len(head) < _AU.size:
            raise AudioError(f"ffmpeg says: {self._last_message()}")
        magic, offset, _, encoding, self.sample_rate, self.channels = _AU.unpack(head)
        if magic != b".snd" or encoding != _AU_FLOAT or offset < _AU.size or not self.channels:
            raise AudioError(
                "ffmpeg sent something else than the AU stream it was asked for; is it really ffmpeg?"
            )
        self._take(offset - _AU.size)

    def read(self, count: int) -> NDArray[np.float32]:
        """The next samples [time ≤ count, channels]; fewer than `count` only at the end."""
        width = 4 * self.channels
        data = self._take(count * width)
        samples = (
            np.frombuffer(data[: len(data) // width * width], ">f4")
            .astype(np.float32)
            .reshape(-1, self.channels)
        )
        self._frames_read += len(samples)
        return samples

    def problem(self) -> str | None:
        """After the last read: why the recording isn't whole, or None."""
        if self._process.wait() != 0:
            return f"damaged or cut short: ffmpeg says: {self._last_message()}"
        if self.frames is not None and self._frames_read < self.frames - 0.5 * self.sample_rate:
            there, stated = self._frames_read / self.sample_rate, self.frames / self.sample_rate
            return f"damaged or cut short: {there:.1f} of {stated:.1f} s could be read."
        return None

    def close(self) -> None:
        """End ffmpeg."""
        self._process.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()
        self._errors.close()

    def _take(self, length: int) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.read(length)

    def _messages(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")

    def _last_message(self) -> str:
        self._process.wait()
        lines = [line.strip() for line in self._messages().splitlines() if line.strip()]
        # Advice on options that we set is of no use to who reads this.
        lines = [line for line in lines if not line.startswith("To ignore this")]
        return lines[-1] if lines else f"nothing (exit status {self._process.returncode})."

    def _stated_frames(self) -> int | None:
        """Length from ffmpeg's report; None where it isn't known or only guessed from the bit rate."""
        messages = self._messages()
        match = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", messages)
        if match is None or "Estimating duration from bitrate" in messages:
            return None
        hours, minutes, seconds = match.groups()
        frames: int = round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * self.sample_rate)
        return frames


def _command(path: str) -> list[str]:
    # Only local files: a playlist must not make ffmpeg fetch what it names. "file:" keeps odd names from
    # being options or URLs.
    reading = ["-protocol_whitelist", "file", "-i", f"file:{path}", "-map", "0:a:0", "-map_metadata", "-1"]
    writing = ["-f", "au", "-c:a", "pcm_f32be", "pipe:1"]
    return ["ffmpeg", "-nostdin", "-hide_banner", "-nostats", *reading, *writing]
