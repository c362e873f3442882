"""What libsndfile can't decode (M4A, WMA, WebM, video, ...), through a pipe from the ffmpeg program where it
is installed.

Times are those of the file's own clock: a track that starts late begins with silence, and so is a gap in it filled, so
that subtitles fit the picture.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from speechgru.audio import containers
from speechgru.audio.decode_chain import ChainDecoder, Decoder
from speechgru.audio.named_file import read_through
from speechgru.audio.probe import MAX_LEAD, Probe, last_second, probe
from speechgru.audio.tracks import MissingTrackError
from speechgru.audio.window import Window
from speechgru.errors import AudioError, AudioWarning

# AU is the one container whose header a few lines can read, and it needs no length: magic, offset, length,
# encoding, rate, channels.
_AU = struct.Struct(">4sIIIII")
_AU_FLOAT = 6
_SLACK = 0.5  # seconds that a track may be shorter than it is stated
_OVERLAP = 0.1  # seconds that a clock may go back; encoders' delays do
# What ffmpeg reports of a file that ends too early, though it ends well itself.
_CUT = re.compile(r"partial file|ended prematurely|truncat", re.I)


def is_installed() -> bool:
    """True if a program `ffmpeg` is on the PATH."""
    return shutil.which("ffmpeg") is not None


def open_file(
    path: str, file: BinaryIO, track: int | None, name: str = "", closing: Callable[[], None] | None = None
) -> Decoder:
    """A decoder of audio track `track` (from 1; None: the first) of the regular file at `path`, whose bytes `file` has.
    Messages call it `name`; by default `path`.

    Of joined containers each is read. `closing` is called when the decoder is closed.

    Raises:
        AudioError: ffmpeg finds no audio in it, or not that track (`MissingTrackError`).
    """
    found = containers.parts(file)
    if len(found) == 1:
        seconds = containers.mp4_seconds(file)
        check = partial(read_through, path, name or path)
        return FfmpegDecoder(f"file:{path}", track, seconds, check=check, closing=closing)
    # Only local files either way.
    openers = []
    for part in found:
        seconds = containers.mp4_seconds(cast(BinaryIO, Window(file, part)))
        url = f"subfile,,start,{part.start},end,{part.end},,:file:{path}"
        check = partial(read_through, path, name or path, part.start, part.end)
        openers.append(partial(FfmpegDecoder, url, track, seconds, "file,subfile", check))
    return ChainDecoder(openers, closing=closing or (lambda: None))


class FfmpegDecoder:
    """One audio track of a file, as ffmpeg decodes it; same face as `decode_soundfile.SoundfileDecoder`.

    Attributes: sample_rate (Hz), channels, frames (samples per channel as the container states, or None),
    format, subtype, notes.
    """

    format = "ffmpeg"
    subtype = ""

    def __init__(
        self,
        url: str,
        track: int | None = None,
        seconds: list[float | None] | None = None,
        # Only local files: a playlist must not make ffmpeg fetch what it names.
        protocols: str = "file",
        check: Callable[[], None] = lambda: None,
        closing: Callable[[], None] | None = None,
    ) -> None:
        """Start ffmpeg on `url`, which it may open by `protocols` alone. `seconds`: how long each audio track is, where
        that is known better than ffmpeg tells it. `check` reads the file once more, and raises where the disk fails.

        Raises:
            AudioError: ffmpeg finds no audio in it, or not the track.
        """
        self._url, self._protocols, self._closing = url, protocols, closing
        self._check = check
        self._probe = probe(url, protocols)
        index = (track or 1) - 1
        if track is not None and track > max(len(self._probe.tracks), 1):
            raise MissingTrackError(track, len(self._probe.tracks))
        self.notes = _notes(self._probe, track)
        # A file, since a pipe full of messages would stop ffmpeg.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (`close` closes it)
        self._process = subprocess.Popen(
            self._command(index), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
        )
        try:
            self._read_header()
        except BaseException:
            self._end()
            raise
        self._frames_read, self._lead = 0, self._corrected_start()
        own = _own_length(self._probe, index, seconds or [])
        self._is_own = own is not None
        length = own if own is not None else self._probe.length
        self.frames: int | None = None if length is None else round(length * self.sample_rate)

    def _command(self, index: int) -> list[str]:
        # "file:" keeps odd names from being options or URLs.
        clock = ["-copyts"] if self._probe.keeps_clock else []
        reading = [*clock, "-protocol_whitelist", self._protocols, "-i", self._url, "-map", f"0:a:{index}"]
        timing = ["-map_metadata", "-1", "-af", "aresample=async=1:first_pts=0"]
        general = ["ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+verbose"]
        return [*general, *reading, *timing, "-f", "au", "-c:a", "pcm_f32be", "pipe:1"]

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

    def _corrected_start(self) -> int:
        """Samples by which ffmpeg has moved the sound to its front: of a broadcast's clock it takes the first second of
        the tracks that are decoded, though a picture came before."""
        match = re.search(r"Correcting start time (?:of Input #0 )?by (\d+)", self._messages())
        seconds = int(match[1]) / 1e6 if match else 0.0
        return round(seconds * self.sample_rate) if seconds <= MAX_LEAD else 0

    def read(self, count: int) -> NDArray[np.float32]:
        """The next samples [time ≤ count, channels]; fewer than `count` only at the end."""
        lead = min(self._lead, count)
        self._lead -= lead
        width = 4 * self.channels
        data = self._take((count - lead) * width)
        decoded = np.frombuffer(data[: len(data) // width * width], ">f4").astype(np.float32)
        silence = np.zeros(lead * self.channels, np.float32)
        samples = np.concatenate([silence, decoded]).reshape(-1, self.channels)
        self._frames_read += len(samples)
        return samples

    def problem(self) -> str | None:
        """After the last read: why the recording isn't whole, or None.

        Raises:
            UnreadableError: the disk fails, which to ffmpeg may be the end of the file.
        """
        found = self._problem()
        if found is not None or self.frames is None:
            self._check()
        return found

    def _problem(self) -> str | None:
        there = self._frames_read / self.sample_rate
        if self._process.wait() != 0:
            return f"damaged or cut short: ffmpeg says: {self._last_message()}"
        messages = self._messages()
        discarded = sum(map(int, re.findall(r"discarding (\d+) audio samples", messages))) / self.sample_rate
        if discarded > _OVERLAP:
            return (
                f"damaged: {discarded:.1f} s of its sound were left out, for by its clock they lie where others "
                "do. Repair its times, or convert it to WAV with ffmpeg."
            )
        if self.frames is not None and self._frames_read < self.frames - _SLACK * self.sample_rate:
            if self._is_own or not self._others_go_on():
                stated = self.frames / self.sample_rate
                return f"damaged or cut short: {there:.1f} of {stated:.1f} s could be read."
        elif self.frames is not None:
            return None
        cut = [line for line in messages.splitlines() if "[error]" in line and _CUT.search(line)]
        return f"damaged or cut short: {there:.1f} s could be read." if cut else None

    def _others_go_on(self) -> bool:
        """Whether a track beside the sound reaches the end that the container states: a longer picture, not a cut."""
        if not self._probe.has_others or self._probe.end is None:
            return False
        return last_second(self._url, self._protocols) >= self._probe.end - _SLACK

    def close(self) -> None:
        """End ffmpeg."""
        self._end()
        if self._closing is not None:
            self._closing()

    def _end(self) -> None:
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
        errors = [line for line in lines if "[error]" in line or "[fatal]" in line] or lines
        # Advice on options that we set is of no use to who reads this.
        errors = [line for line in errors if "To ignore this" not in line]
        if not errors:
            return f"nothing (exit status {self._process.returncode})."
        return re.sub(r"^(?:\[[^\]]*\] ?)*", "", errors[-1])


def _own_length(told: Probe, index: int, seconds: list[float | None]) -> float | None:
    """How long track `index` is by what is stated of it alone; None where nothing is."""
    if index < len(seconds) and seconds[index] is not None:
        return seconds[index]
    tag = told.tracks[index].end if index < len(told.tracks) else None
    if tag is None or told.length is None:
        return None if told.has_others or len(told.tracks) > 1 else told.length
    return min(tag - (0.0 if told.keeps_clock else max(told.start, 0.0)), told.length)


def _notes(told: Probe, track: int | None) -> tuple[AudioWarning, ...]:
    """Of several audio tracks: which is read, if nobody chose one."""
    if track is not None or len(told.tracks) < 2:
        return ()
    named = ", ".join(
        f"{number} {' '.join(filter(None, (each.language, each.codec)))}"
        for number, each in enumerate(told.tracks, start=1)
    )
    text = f"track 1 of {len(told.tracks)} audio tracks is read ({named}); --track N takes another."
    return (AudioWarning("tracks", text),)
