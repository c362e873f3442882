"""Where libsndfile writes to: a file whose first error is kept.

By itself libsndfile tells neither why a write failed nor, for what it writes as it closes a file (the last frames of
FLAC, Vorbis, Opus and MP3), that it did: on a full disk a sound would end early without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import soundfile

from speechgru.errors import AudioError
from speechgru.utils import signals


@contextmanager
def opened(
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
