"""Write sound files, block by block, whole or not at all (`formats` says which there are).

Integers are rounded to nearest, without dither, and clipped at full scale; what was read from 8, 16 or 24 bits and
not changed is written back bit for bit. Floats are written as they are. Tags (title, artist) are not kept.

By itself libsndfile tells neither why a write failed nor, for what it writes as it closes a file (the last frames of
FLAC, Vorbis, Opus and MP3), that it did: on a full disk a sound would end early without a word. So it writes to a file
whose first error is kept.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgru.audio import formats
from speechgru.audio.formats import FLOAT, RATES, Encoding
from speechgru.audio.stream import BLOCK, Block
from speechgru.errors import AudioError, AudioWarning
from speechgru.utils import signals
from speechgru.utils.files import atomic_path

_LARGEST = {"WAV": (1 << 32) - 4096, "AIFF": (1 << 32) - 4096}  # bytes: sizes have 32 bits


def write(
    path: str | Path, sound: Any, rate: int, encoding: Encoding | None = None, *, warn: bool = True
) -> int:
    """Write `sound` to `path`, whole or not at all; returns how many samples were clipped.

    Args:
        sound: floats, full scale 1.0: an array or CPU tensor [time], or an iterable of blocks [time, channels].
        rate: in Hz.
        encoding: from `formats.encoding`; by default what the extension names, with 16 bits where it has bits.
        warn: tell of clipped samples with an `AudioWarning`; without, only the number returned does.

    Raises:
        AudioError: another extension, not floats, no samples, NaN or infinity, a rate or number of channels that
            the format doesn't have, too long for it, or the disk is full.
    """
    how = encoding or formats.encoding(path)
    _check_rate(path, rate, how)
    # Small pieces: libsndfile's Vorbis encoder overflows the stack if it gets minutes at once.
    blocks = iter([_column(path, sound)] if hasattr(sound, "__array__") else sound)
    pieces = (block[start : start + BLOCK] for block in blocks for start in range(0, len(block), BLOCK))
    first = next(pieces, None)
    if first is None:
        raise AudioError(f"{path} was not written: no samples are left.", source=path)
    channels, written, clipped = first.shape[1], 0, 0
    most = _LARGEST.get(how.container, float("inf")) / (
        channels * {"8": 1, "16": 2, "24": 3}.get(how.bits, 4)
    )
    with atomic_path(path) as temporary, _opened(path, temporary, rate, channels, how) as file:
        for piece in chain([first], pieces):
            if not np.isfinite(piece).all():
                raise AudioError(
                    f"{path} was not written: the signal holds NaN or infinite samples.", source=path
                )
            written += len(piece)
            if written > most:
                raise AudioError(
                    f"{path}: {how.format} files end at 4 GiB; write .w64, .caf or .flac.", source=path
                )
            clipped += 0 if how.bits == FLOAT else int((np.abs(piece) > 1).sum())
            file.write(_coded(piece, how.bits))
    if clipped and warn:
        text = f"{path}: {clipped} of {written * channels} samples beyond ±1 were clipped."
        warnings.warn(AudioWarning("clipped", text), stacklevel=2)
    return clipped


def _column(path: str | Path, signal: Any) -> NDArray[Any]:
    samples = np.asarray(signal)
    if samples.ndim != 1 or not samples.size or samples.dtype.kind != "f":
        raise AudioError(
            f"{path}: expected float samples [time], one or more; got {samples.dtype}, shape {samples.shape}.",
            source=path,
        )
    return samples[:, None]


def _check_rate(path: str | Path, rate: int, how: Encoding) -> None:
    rates = RATES.get(how.format)
    if rates is not None and rate not in rates:
        better = next((r for r in rates if r >= rate), rates[-1])
        raise AudioError(
            f"{path}: {how.format} has no rate of {rate} Hz, only {', '.join(map(str, rates))}. Write it with "
            f"`speechgru audio resample --rate {better}`, or choose another format.",
            source=path,
        )


@contextmanager
def _opened(
    path: str | Path, temporary: Path, rate: int, channels: int, how: Encoding
) -> Iterator[soundfile.SoundFile]:
    """A sound file at `temporary`, to become `path`: closed and complete after the `with` block."""
    with open(temporary, "w+b", buffering=0) as raw:
        view = _View(raw)
        try:
            with _Uninterrupted(view, "w", rate, channels, how.subtype, format=how.container) as file:
                yield file
        except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that all was written
            if view.error is None and isinstance(error, soundfile.LibsndfileError):
                raise AudioError(
                    f"{path} can't be written as {how.format} with {channels} channels at {rate} Hz: "
                    f"{error.error_string}",
                    source=path,
                ) from None
            if view.error is None:
                raise
        if view.error is not None:
            reason = view.error.strerror or str(view.error)
            raise AudioError(
                f"{path} can't be written: {reason}. Is the disk full? Nothing of it is kept.", source=path
            ) from view.error


def _coded(piece: Block, bits: str) -> Block | NDArray[np.int32]:
    """Integers in the upper bits of 32, where libsndfile takes them from; its own scaling of floats truncates."""
    if bits in ("", FLOAT):
        return np.clip(piece, -1, 1).astype(np.float32) if not bits else piece
    depth = int(bits)
    full = 2.0 ** (depth - 1)
    whole = np.clip(np.rint(piece.astype(np.float64) * full), -full, full - 1).astype(np.int64)
    return (whole << (32 - depth)).astype(np.int32)


class _Uninterrupted(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """An interrupt inside one of libsndfile's callbacks would be lost, and with it what was to be written."""

    def write(self, data: Any) -> None:
        with signals.held():
            super().write(data)

    def close(self) -> None:
        with signals.held():
            super().close()


class _View:
    """`file` as libsndfile should see it: cffi prints what a callback raises and goes on, so nothing is raised."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left and self.error is None:
            try:
                left = left[self._file.write(left) :]
            except OSError as error:
                self.error = error
        return len(data) - len(left)
