"""Several recordings of one file, or pieces of one whose header can't count them, as one recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgru.audio.named_file import UnreadableError
from speechgru.audio.resampling import Resampler
from speechgru.errors import AudioError, AudioWarning


class Decoder(Protocol):
    """A recording, front to back. Attributes as in `SoundfileDecoder`; `notes`: what a user should know of it."""

    sample_rate: int
    channels: int
    frames: int | None
    format: str
    subtype: str
    notes: tuple[AudioWarning, ...]

    def read(self, count: int) -> NDArray[np.float32]: ...
    def problem(self) -> str | None: ...
    def close(self) -> None: ...


Opener = Callable[[], Decoder]
_FAILURES = (soundfile.LibsndfileError, AudioError)


class ChainDecoder:
    """The recordings that `openers` open, one behind the other, at the rate and with the channels of the first.

    A part that can't be decoded, or not to its end, is a problem; those behind it are read all the same. A disk that
    fails ends all (`UnreadableError`).
    """

    def __init__(
        self,
        openers: Sequence[Opener],
        notes: Sequence[str] = (),
        closing: Callable[[], None] = lambda: None,
        unread: str | None = None,
    ) -> None:
        """`closing` is called at the end, for what the parts share; `unread` says what of the file isn't in them.

        Raises:
            soundfile.LibsndfileError, AudioError: the first part can't be read.
        """
        self._openers, self._closing = openers, closing
        self._current = openers[0]()
        first = self._current
        self.sample_rate, self.channels = first.sample_rate, first.channels
        self.format, self.subtype = first.format, first.subtype
        self._problems: list[str] = []
        self._unread = unread
        kinds, frames = [(first.sample_rate, first.channels)], [first.frames]
        for opener in openers[1:]:  # opened for its header alone: of a thousand parts not all stay open
            try:
                other = opener()
            except UnreadableError:
                raise
            except _FAILURES:  # said where it is reached
                continue
            kinds.append((other.sample_rate, other.channels))
            frames.append(
                None if other.frames is None else other.frames * self.sample_rate // other.sample_rate
            )
            other.close()
        self.frames = None if None in frames else sum(each for each in frames if each is not None)
        self.notes = (*first.notes, *(AudioWarning("layout", note) for note in notes), *_differences(kinds))
        self._next, self._resampler = 1, self._fitting(first)
        self._held: list[NDArray[np.float32]] = [np.zeros((0, self.channels), np.float32)]
        self._ended = False

    def _fitting(self, decoder: Decoder) -> Resampler:
        return Resampler(decoder.sample_rate, self.sample_rate, self.channels)

    def read(self, count: int) -> NDArray[np.float32]:
        """The next samples [time ≤ count, channels]; fewer than `count` only at the end."""
        while not self._ended and sum(map(len, self._held)) < count:
            self._held.append(self._advance(count))
        joined = np.concatenate(self._held)
        self._held = [joined[count:]]
        return joined[:count]

    def _advance(self, count: int) -> NDArray[np.float32]:
        samples = self._current.read(count)
        fitted = self._resampler.add(_with_channels(samples, self.channels))
        if len(samples) == count:
            return fitted
        fitted = np.concatenate([fitted, self._resampler.finish()])
        self._note(self._current.problem())
        self._open_next()
        return fitted

    def _open_next(self) -> None:
        while self._next < len(self._openers):
            opener, self._next = self._openers[self._next], self._next + 1
            try:
                following = opener()
            except UnreadableError:
                raise
            except _FAILURES as error:
                reason = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
                self._note(f"not read: {reason.rstrip('.')}.")
                continue
            self._current.close()
            self._current, self._resampler = following, self._fitting(following)
            return
        self._ended = True

    def _note(self, problem: str | None) -> None:
        if problem is not None and len(self._openers) == 1:
            self._problems.append(problem)
        elif problem is not None:
            self._problems.append(f"part {self._next} of {len(self._openers)} is {problem}")

    def problem(self) -> str | None:
        """After the last read: which parts aren't whole, or None."""
        more = f" ({len(self._problems)} parts are.)" if len(self._problems) > 1 else ""
        return self._problems[0] + more if self._problems else self._unread

    def close(self) -> None:
        """Close the part that is open, and what the parts share."""
        self._current.close()
        self._closing()


def _with_channels(samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """`samples` [time, channels] with `count` channels: copies of a single one, else their mean in each."""
    if samples.shape[1] == count:
        return samples
    return np.repeat(samples.mean(axis=1, keepdims=True, dtype=np.float32), count, axis=1)


def _differences(kinds: Sequence[tuple[int, int]]) -> list[AudioWarning]:
    if len(set(kinds)) < 2:
        return []
    rate, channels = kinds[0]
    others = ", ".join(
        sorted({f"{r} Hz with {c} channel{'s' * (c > 1)}" for r, c in set(kinds[1:]) - {kinds[0]}})
    )
    text = (
        f"its parts differ: {rate} Hz with {channels} channel{'s' * (channels > 1)}, then {others}; all were read and "
        "brought to the first one's."
    )
    return [AudioWarning("layout", text)]
