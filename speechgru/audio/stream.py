"""The only door to sound: read, stream in blocks, write.

Conventions. Samples are float32, full scale 1.0, mono (the mean of the channels), time on the last axis,
rates in Hz, times in seconds. Any source rate from 4 kHz up is resampled to the one asked for. A recording
that breaks off is read as far as it goes.

The files below: decoding (sources), sndfile and ffmpeg (decoders), containers and mp3 (is a file whole?),
resample, quality (clipping, bandwidth).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.decode import name_of, open_decoder
from speechgru.audio.quality import Bandwidth, Clipping
from speechgru.audio.resampling import Resampler, resample
from speechgru.errors import AudioError, AudioWarning

__all__ = [
    "AUDIO_EXTENSIONS",
    "SAMPLE_RATE",
    "AudioInfo",
    "AudioStream",
    "AudioWarning",
    "info",
    "is_audio",
    "read",
]
__all__ += ["resample"]

SAMPLE_RATE = 16000
MIN_SOURCE_RATE = 4000  # Hz; below it too little of speech is left to make out words
_CHUNK = 1 << 16  # frames per step; fixed, so that no result depends on the block size

Source = str | Path | BinaryIO

# What folder scans pick up: libsndfile's formats, then what ffmpeg adds.
_EXTENSIONS = """
    .wav .wave .flac .mp3 .ogg .oga .opus .aif .aiff .aifc .au .snd .caf .w64 .rf64 .sph
    .m4a .mp4 .m4b .aac .wma .webm .mka .mkv .mov .amr .3gp .ac3 .ape .wv
"""
AUDIO_EXTENSIONS = frozenset(_EXTENSIONS.split())


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself: Hz, channels, seconds (None where it doesn't say), and "WAV PCM_16", "OGG
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
    """Iterator over float32 mono blocks [time] of a recording, at `sample_rate`.

    Every block but the last has `block_seconds`, rounded to a sample. The blocks put together are what `read`
    returns, bit for bit, whatever `block_seconds`. Memory is bounded by a block and 65,536 frames of the
    source.

    Attributes:
        sample_rate: of the blocks, Hz.
        source_rate, channels, format: of the recording.
        duration: seconds as the file states, None where it doesn't.
        seconds_read: seconds of the recording decoded so far.
        truncated: True once the recording turned out to break off, or to be damaged, before its stated end.
        warnings: of truncation, clipping and narrow band; complete when the iteration ends.
    """

    def __init__(self, source: Source, sample_rate: int = SAMPLE_RATE, block_seconds: float = 30.0) -> None:
        """Open `source`: a path, "-" for standard input, or a binary file object, which stays open.

        Raises:
            AudioError: missing, a folder, unreadable, empty, not audio, without samples, or below 4 kHz; and
            while iterating:
                NaN or infinite samples, or nothing that can be decoded.
        """
        if not 0 < block_seconds < float("inf"):
            raise AudioError(f"block_seconds must be a positive number of seconds, got {block_seconds}.")
        self._name = name_of(source)
        self._decoder = open_decoder(source)
        self.sample_rate = sample_rate
        self.source_rate = self._decoder.sample_rate
        self.channels = self._decoder.channels
        self.format = f"{self._decoder.format} {self._decoder.subtype}".strip()
        self.duration = None if self._decoder.frames is None else self._decoder.frames / self.source_rate
        self.seconds_read = 0.0
        self.truncated = False
        self.warnings: list[AudioWarning] = []
        try:
            self._check_header()
            self._resampler = Resampler(self.source_rate, sample_rate)
        except AudioError:
            self.close()
            raise
        self._clipping = Clipping(self._decoder.subtype)
        self._bandwidth = Bandwidth(self.source_rate)
        self._blocks: Iterator[NDArray[np.float32]] = self._cut(max(1, round(block_seconds * sample_rate)))

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return self

    def __next__(self) -> NDArray[np.float32]:
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
        if self.source_rate < MIN_SOURCE_RATE:
            raise AudioError(
                f"{self._name} is sampled at {self.source_rate} Hz; "
                f"speech needs at least {MIN_SOURCE_RATE} Hz, better 16000.",
                source=self._name,
            )
        if self._decoder.frames == 0:
            raise AudioError(
                f"{self._name} has a header but no samples: nothing was recorded.", source=self._name
            )

    def _cut(self, size: int) -> Iterator[NDArray[np.float32]]:
        """Blocks of `size` samples; the last may be shorter."""
        held = np.zeros(0, np.float32)
        for piece in self._resampled():
            held = np.concatenate([held, piece])
            while len(held) >= size:
                block, held = held[:size].copy(), held[size:]
                yield block
        if len(held):
            yield held

    def _resampled(self) -> Iterator[NDArray[np.float32]]:
        frames = 0
        while len(raw := self._decoder.read(_CHUNK)):
            mono = self._mono(raw, frames)
            frames += len(raw)
            self.seconds_read = frames / self.source_rate
            self._clipping.add(raw)
            self._bandwidth.add(mono)
            yield self._resampler.add(mono)
            if len(raw) < _CHUNK:
                break
        self._conclude(frames)
        yield self._resampler.finish()

    def _mono(self, raw: NDArray[np.float32], position: int) -> NDArray[np.float32]:
        """Mean over the channels of `raw` [time, channels], which begins at frame `position`."""
        mono = raw[:, 0] if self.channels == 1 else raw.mean(axis=1, dtype=np.float32)
        bad = ~np.isfinite(mono)
        if bad.any():
            seconds = (position + int(bad.argmax())) / self.source_rate
            raise AudioError(
                f"{self._name} holds NaN or infinite samples, the first at {seconds:.3f} s: "
                "the file is damaged or was written wrongly; export it again.",
                source=self._name,
            )
        return np.ascontiguousarray(mono)

    def _conclude(self, frames: int) -> None:
        """Judge the whole, once its end is reached after `frames`."""
        problem = self._decoder.problem()
        if not frames:
            raise AudioError(
                f"{self._name} has a header, but no samples could be read: "
                f"{problem or 'nothing was recorded.'}",
                source=self._name,
            )
        self.truncated = problem is not None
        truncation = None if problem is None else AudioWarning("truncated", problem)
        possible = (truncation, self._clipping.warning(), self._bandwidth.warning())
        self.warnings.extend(warning for warning in possible if warning is not None)


def read(source: Source, sample_rate: int = SAMPLE_RATE, warn: bool = True) -> NDArray[np.float32]:
    """The whole recording as float32 mono [time] at `sample_rate` Hz.

    Warns with `AudioWarning` of narrow band, clipping and truncation, unless `warn` is off: for many files at once a
    line each helps nobody. For long files, `AudioStream`.

    Raises:
        AudioError: as for `AudioStream`.
    """
    with AudioStream(source, sample_rate) as stream:
        signal = np.concatenate([np.zeros(0, np.float32), *stream])
        for each in stream.warnings if warn else ():
            warnings.warn(AudioWarning(each.kind, f"{name_of(source)}: {each}"), stacklevel=2)
    return signal
