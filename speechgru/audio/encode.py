"""Sound files written block by block, for editing (`formats` says which there are).

Integers are rounded to nearest, without dither, and clipped at full scale; what was read from 8, 16 or 24 bits and
not changed is written back bit for bit. Floats are written as they are. Tags (title, artist) are not kept.

Where libsndfile writes to: a file whose first error is kept.

By itself libsndfile tells neither why a write failed nor, for what it writes as it closes a file (the last frames of
FLAC, Vorbis, Opus and MP3), that it did: on a full disk a sound would end early without a word.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgru.audio.formats import FLOAT, RATES, Encoding
from speechgru.audio.multichannel import BLOCK, Block
from speechgru.audio.stream import _CHUNK
from speechgru.errors import AudioError, AudioWarning
from speechgru.utils import signals
from speechgru.utils.files import atomic_path

_LARGEST = {"WAV": (1 << 32) - 4096, "AIFF": (1 << 32) - 4096}  # bytes: sizes have 32 bits


@contextmanager
def open_sink(
    temporary: Path, target: str | Path, rate: int, channels: int, subtype: str, container: str
) -> Iterator[soundfile.SoundFile]:
    """A sound file at `temporary` to write into, closed and complete after the `with` block.

    Args:
        target: what to call the file in messages.
        rate: in Hz.
        subtype, container: libsndfile's names of the format.

    Raises:
        AudioError: the disk is full, or doesn't take what is written for another reason.
        soundfile.LibsndfileError: the format doesn't have this rate or number of channels.
    """
    with open(temporary, "w+b", buffering=0) as raw:
        view = _View(raw)
        try:
            with _Uninterrupted(view, "w", rate, channels, subtype, format=container) as file:
                yield file
        except (soundfile.LibsndfileError, AssertionError):  # soundfile asserts that all was written
            if view.error is None:
                raise
        if view.error is not None:
            reason = view.error.strerror or str(view.error)
            raise AudioError(
                f"{target} can't be written: {reason}. Is the disk full? Nothing of it is kept.",
                source=target,
            ) from view.error


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


def write_blocks(path: str | Path, blocks: Iterable[Block], rate: int, channels: int, how: Encoding) -> int:
    """Write `blocks` [time, channels] to `path`, whole or not at all; returns how many samples were clipped.

    Raises:
        AudioError: a rate or number of channels that the format doesn't have, too long for it, no samples, or
        the disk is full.
    """
    _check_rate(path, rate, how)
    largest = _LARGEST.get(how.container)
    size = channels * {"8": 1, "16": 2, "24": 3}.get(how.bits, 4)
    written = clipped = 0
    with atomic_path(path) as temporary, _opened(path, temporary, rate, channels, how) as file:
        for block in blocks:
            # libsndfile's Vorbis encoder overflows the stack if it gets minutes at once.
            for start in range(0, len(block), BLOCK):
                piece = block[start : start + BLOCK]
                clipped += 0 if how.bits == FLOAT else int((np.abs(piece) > 1).sum())
                written += len(piece)
                if largest is not None and written * size > largest:
                    raise AudioError(
                        f"{path}: {how.format} files end at 4 GiB; write .w64, .caf or .flac.", source=path
                    )
                file.write(_coded(piece, how.bits))
        if not written:
            raise AudioError(f"{path} was not written: no samples are left.", source=path)
    return clipped


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
    try:
        with open_sink(temporary, path, rate, channels, how.subtype, how.container) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path} can't be written as {how.format} with {channels} channels at {rate} Hz: "
            f"{error.error_string}",
            source=path,
        ) from None


def _coded(piece: Block, bits: str) -> Block | NDArray[np.int32]:
    """Integers in the upper bits of 32, where libsndfile takes them from; its own scaling of floats truncates."""
    if bits in ("", FLOAT):
        return np.clip(piece, -1, 1) if not bits else piece
    depth = int(bits)
    full = 2.0 ** (depth - 1)
    whole = np.clip(np.rint(piece.astype(np.float64) * full), -full, full - 1).astype(np.int64)
    return (whole << (32 - depth)).astype(np.int32)


_WRITABLE = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
}


def write(path: str | Path, signal: Any, sample_rate: int) -> None:
    """Write mono `signal` [time] (float, full scale 1.0; array or CPU tensor) to `path`, whole or not at all.

    The extension names the format: .wav and .flac (16 bits), .mp3, .ogg (Vorbis), .opus. Samples beyond ±1
    are clipped, with an `AudioWarning` that says how many.

    Raises:
        AudioError: another extension, not one axis of floats, no samples, NaN or infinity, a rate the
        format doesn't have, or the disk is full.
    """
    kind = _WRITABLE.get(Path(path).suffix.lower())
    if kind is None:
        raise AudioError(
            f"{path}: sound can be written as {', '.join(_WRITABLE)}; choose one of these extensions.",
            source=path,
        )
    samples = np.asarray(signal)
    if samples.ndim != 1 or not samples.size or samples.dtype.kind != "f":
        raise AudioError(
            f"{path}: expected float samples [time], one or more; got {samples.dtype}, shape {samples.shape}.",
            source=path,
        )
    if not np.isfinite(samples).all():
        raise AudioError(f"{path} was not written: the signal holds NaN or infinite samples.", source=path)
    beyond = int((np.abs(samples) > 1).sum())
    if beyond:
        text = f"{path}: {beyond} of {samples.size} samples beyond ±1 were clipped."
        warnings.warn(AudioWarning("clipped", text), stacklevel=2)
    try:
        container, subtype = kind
        with (
            atomic_path(path) as temporary,
            open_sink(temporary, path, sample_rate, 1, subtype, container) as file,
        ):
            # libsndfile's Vorbis encoder overflows the stack if it gets minutes at once.
            for start in range(0, len(samples), _CHUNK):
                file.write(np.clip(samples[start : start + _CHUNK], -1, 1).astype(np.float32))
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path} can't be written at {sample_rate} Hz: {error.error_string}", source=path
        ) from None
