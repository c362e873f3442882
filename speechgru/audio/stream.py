"""Read sound files: `read` the whole, `AudioStream` block by block, `info` the header alone.

Samples are float32, full scale 1.0, time on the first axis; rates in Hz, times in seconds. By default a recording
becomes mono (the mean of its channels, see `downmix`) at 16 kHz, which is what recognition needs; with `channels="all"`
and `sample_rate=None` it stays as it is, which is what editing needs. A recording that breaks
off is read as far as it goes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.decode import name_of, open_decoder
from speechgru.audio.downmix import Downmix
from speechgru.audio.quality import Bandwidth, Clipping
from speechgru.audio.resampling import Resampler, resample
from speechgru.audio.tracks import Track
from speechgru.errors import AudioError, AudioWarning

__all__ = [
    "AUDIO_EXTENSIONS",
    "SAMPLE_RATE",
    "AudioInfo",
    "AudioStream",
    "AudioWarning",
    "Track",
    "info",
    "is_audio",
    "read",
    "resample",
]

SAMPLE_RATE = 16000
MIN_SOURCE_RATE = 4000  # Hz; below it too little of speech is left to make out words
MAX_SOURCE_RATE = 1_000_000  # Hz; a header that says more is damaged, and would ask for gigabytes
LARGEST_SAMPLE = 2.0**32  # of floats; unscaled integers of 32 bits reach half of it
BLOCK = 1 << 16  # frames decoded at a time; fixed, so that no result depends on the block size

Source = str | Path | BinaryIO
Block = NDArray[np.float32]  # [time] where channels are mixed, else [time, channels]

# What folder scans pick up: libsndfile's formats, then what ffmpeg adds.
_EXTENSIONS = """
    .wav .wave .flac .mp3 .ogg .oga .opus .aif .aiff .aifc .au .snd .caf .w64 .rf64 .sph
    .m4a .mp4 .m4b .aac .wma .webm .mka .mkv .mov .amr .3gp .ac3 .ape .wv
"""
AUDIO_EXTENSIONS = frozenset(_EXTENSIONS.split())


@dataclass(frozen=True)
class AudioInfo:
    """What the header of a file states: Hz, channels, seconds (None where it doesn't), and "WAV PCM_16", "OGG
    OPUS", "ffmpeg", ..."""

    sample_rate: int
    channels: int
    duration: float | None
    format: str


def is_audio(path: str | Path) -> bool:
    """True if the extension is one of `AUDIO_EXTENSIONS` (any case) and the file isn't hidden (`._x.wav` is
    no recording)."""
    name = Path(path)
    return name.suffix.lower() in AUDIO_EXTENSIONS and not name.name.startswith(".")


def info(source: Source) -> AudioInfo:
    """Read the header of `source`. Of a pipe or standard input this takes everything: it can't be read again.

    Raises:
        AudioError: as for `AudioStream`, apart from what only the samples tell.
    """
    with AudioStream(source) as stream:
        return AudioInfo(stream.source_rate, stream.channels, stream.duration, stream.format)


class AudioStream:
    """Iterator over the float32 blocks of a recording: [time] where channels are mixed, else [time, channels].

    Every block but the last has `block_seconds`, rounded to a sample. The blocks put together are what `read`
    returns, bit for bit, whatever `block_seconds`. Memory is bounded by a block and 65,536 frames of the
    source.

    Attributes:
        name: of the source, for messages.
        sample_rate: of the blocks, Hz.
        source_rate, channels: of the recording.
        container, subtype: libsndfile's names, as in "WAV" and "PCM_16"; "ffmpeg" and "" where that decodes it.
        duration: seconds as the file states, None where it doesn't.
        seconds_read: seconds of the recording decoded so far.
        problem: once the recording turned out to be cut short, or damaged, before its stated end: how; else None.
    """

    def __init__(
        self,
        source: Source,
        sample_rate: int | None = SAMPLE_RATE,
        block_seconds: float | None = 30.0,
        channels: Literal["mix", "all"] = "mix",
    ) -> None:
        """Open `source`: a path (or a `Track` of it), "-" for standard input, or a binary file, which stays open.

        Args:
            sample_rate: of the blocks; None: the recording's own.
            block_seconds: None: blocks as they are decoded, 65,536 frames of the source.
            channels: "mix" takes their mean (turning round those that would cancel), "all" keeps each.

        Raises:
            AudioError: missing, a folder, unreadable, empty, not audio, without samples, or (mixed, as for speech)
                below 4 kHz; and while iterating: NaN or infinite samples, or nothing that can be decoded.
        """
        if block_seconds is not None and not 0 < block_seconds < float("inf"):
            raise AudioError(f"block_seconds must be a positive number of seconds, got {block_seconds}.")
        self.name = name_of(source)
        self._decoder = open_decoder(source)
        self.source_rate, self.channels = self._decoder.sample_rate, self._decoder.channels
        self.sample_rate = self.source_rate if sample_rate is None else sample_rate
        self.container, self.subtype = self._decoder.format, self._decoder.subtype
        self.duration = None if self._decoder.frames is None else self._decoder.frames / self.source_rate
        self.seconds_read = 0.0
        self.problem: str | None = None
        self._mixes = channels == "mix"
        self._mixer = Downmix(self.channels, self.source_rate)
        try:
            self._check_header()
            self._resampler = Resampler(
                self.source_rate, self.sample_rate, None if self._mixes else self.channels
            )
        except AudioError:
            self.close()
            raise
        # Clipping and bandwidth are what a recognizer's user should know; editing has `measure` for them.
        self._clipping = Clipping(self.subtype) if self._mixes else None
        self._bandwidth = Bandwidth(self.source_rate) if self._mixes else None
        self._blocks = self._cut(None if block_seconds is None else round(block_seconds * self.sample_rate))

    @property
    def format(self) -> str:
        """Container and sample format, as in "WAV PCM_16"."""
        return f"{self.container} {self.subtype}".strip()

    @property
    def truncated(self) -> bool:
        """Whether the recording was cut short, or damaged, before its stated end."""
        return self.problem is not None

    @property
    def warnings(self) -> list[AudioWarning]:
        """In what was read so far: of truncation, wrong headers and several tracks; where channels are mixed also of
        those that cancel, of clipping and narrow band."""
        truncation = None if self.problem is None else AudioWarning("truncated", self.problem)
        meters = (each.warning() for each in (self._clipping, self._bandwidth) if each is not None)
        found = (truncation, *self._decoder.notes, self._mixer.warning(), *meters)
        return [warning for warning in found if warning is not None]

    def __iter__(self) -> Iterator[Block]:
        return self

    def __next__(self) -> Block:
        return next(self._blocks)

    def __enter__(self) -> AudioStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file (not a file object of the caller's). Iterating further gives nothing."""
        self._blocks = iter(())
        self._decoder.close()

    def _check_header(self) -> None:
        if self._mixes and self.source_rate < MIN_SOURCE_RATE:
            raise AudioError(
                f"{self.name} is sampled at {self.source_rate} Hz; "
                f"speech needs at least {MIN_SOURCE_RATE} Hz, better 16000.",
                source=self.name,
            )
        if self.source_rate > MAX_SOURCE_RATE:
            raise AudioError(
                f"{self.name} is sampled at {self.source_rate} Hz by its header; expected up to {MAX_SOURCE_RATE}. "
                "It is damaged: export it again.",
                source=self.name,
            )
        if self._decoder.frames == 0:
            raise AudioError(
                f"{self.name} has a header but no samples: nothing was recorded.", source=self.name
            )

    def _cut(self, size: int | None) -> Iterator[Block]:
        """Blocks of `size` samples, one at least, the last may be shorter; None: as they come, but for empty ones."""
        if size is None:
            yield from (piece for piece in self._resampled() if len(piece))
            return
        held, size = list[Block](), max(size, 1)
        for piece in self._resampled():
            held.append(piece)
            if sum(map(len, held)) >= size:
                joined = np.concatenate(held)
                whole = len(joined) // size * size
                yield from (joined[start : start + size].copy() for start in range(0, whole, size))
                held = [joined[whole:].copy()]
        if sum(map(len, held)):
            yield np.concatenate(held)

    def _resampled(self) -> Iterator[Block]:
        frames = 0
        while len(raw := self._decoder.read(BLOCK)):
            samples = self._checked(raw, frames)
            frames += len(raw)
            self.seconds_read = frames / self.source_rate
            if self._clipping is not None and self._bandwidth is not None:
                self._clipping.add(raw)
                self._bandwidth.add(samples)
            yield self._resampler.add(samples)
            if len(raw) < BLOCK:
                break
        self.problem = self._decoder.problem()
        if not frames:
            raise AudioError(
                f"{self.name} has a header, but no samples could be read: "
                f"{self.problem or 'nothing was recorded.'}",
                source=self.name,
            )
        yield self._resampler.finish()

    def _checked(self, raw: Block, position: int) -> Block:
        """`raw` [time, channels], which begins at frame `position`: mixed where that is asked for, and finite."""
        good = (np.abs(raw) <= LARGEST_SAMPLE).all(axis=1)  # NaN is no number that is less
        if not good.all():
            first = int(good.argmin())
            seconds = (position + first) / self.source_rate
            what = "impossibly large" if np.isfinite(raw[first]).all() else "NaN or infinite"
            raise AudioError(
                f"{self.name} holds {what} samples, the first at {seconds:.3f} s: "
                "the file is damaged or was written wrongly; export it again.",
                source=self.name,
            )
        samples = raw
        if self._mixes:
            samples = self._mixer.add(raw)
        return np.ascontiguousarray(samples)


def read(source: Source, sample_rate: int | None = SAMPLE_RATE, warn: bool = True) -> NDArray[np.float32]:
    """The whole recording as float32 mono [time] at `sample_rate` Hz (None: its own rate).

    Warns with `AudioWarning` of narrow band, clipping and truncation, unless `warn` is off: for many files at once a
    line each helps nobody. For long files, `AudioStream`.

    Raises:
        AudioError: as for `AudioStream`.
    """
    with AudioStream(source, sample_rate, block_seconds=None) as stream:
        signal = np.concatenate([np.zeros(0, np.float32), *stream])
        for each in stream.warnings if warn else ():
            warnings.warn(AudioWarning(each.kind, f"{stream.name}: {each}"), stacklevel=2)
    return signal
