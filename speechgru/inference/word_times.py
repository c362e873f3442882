"""When words begin and end: CTC's peaks corrected by the pauses in the sound.

A CTC network emits each character at one peak and blanks around it (Graves et al. 2006), so the run of a word's
characters lies inside the spoken word, or a little beside it: by how much on average depends on the network, and
is learnt once per model. Where the sound between two words is quiet the pause itself tells where one ends and
the next begins; where nobody pauses the average shift is all there is. `speechgru model
calibrate` learns the numbers, benchmarks/times.py measures what is left of the error.

A word always keeps the middle of its run, so words stay in order, never overlap and are never empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.energy import Signal, pauses
from speechgru.transcript import Word

LEVEL_SECONDS = 0.01  # frames in which pauses are looked for
SHORTEST_PAUSE_SECONDS = 0.06  # the closure before a t or k is about as long, and no pause
SLACK_SECONDS = 0.08  # how far a pause may reach into the run of a word
LARGEST_SHIFT_SECONDS = 0.5
_ROUNDING = 1e-9

Span = tuple[float, float]
Silences = NDArray[np.float64]  # [pauses, 2]: start and end in seconds, in order


@dataclass(frozen=True)
class Times:
    """How one network's runs lie to the words, in seconds.

    start: a word begins so much before its run, on average; less than 0 is after.
    end: it ends so much after its run.
    reach: the edge of a pause counts if it is no further from the run than this.
    quiet: a pause is quieter than floor + quiet * (top - floor), levels in dB as in energy.py.
    """

    start: float
    end: float
    reach: float
    quiet: float

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            shift = getattr(self, name)
            if not abs(shift) <= LARGEST_SHIFT_SECONDS:  # so that NaN is refused too
                raise ValueError(f"{name} is {shift}; expected seconds within {LARGEST_SHIFT_SECONDS} of 0.")
        if not 0 <= self.reach <= 2 * LARGEST_SHIFT_SECONDS:
            raise ValueError(
                f"reach is {self.reach}; expected seconds from 0 to {2 * LARGEST_SHIFT_SECONDS}."
            )
        if not 0 < self.quiet < 1:
            raise ValueError(f"quiet is {self.quiet}; expected a share between 0 and 1.")


def corrected(
    words: Sequence[Word], signal: Signal, rate: int, times: Times, frame_seconds: float, begin: float = 0.0
) -> tuple[Word, ...]:
    """`words` with the times at which they are spoken; text and confidence as they are.

    Args:
        words: in order, each over the run of its own characters (`hypothesis.words`): they don't overlap.
        signal: [time], what the words were recognised in.
        rate: of `signal`, in Hz.
        times: what is known of the network.
        frame_seconds: of the network's output; a word keeps half of that around the middle of its run.
        begin: where `signal` begins, in seconds; the words' times count from the same point.

    Returns:
        Words within [begin, begin + len(signal) / rate].
    """
    bounds = begin, begin + len(signal) / rate
    return placed(words, silences(signal, rate, times, begin), times, bounds, frame_seconds)


def silences(signal: Signal, rate: int, times: Times, begin: float = 0.0) -> Silences:
    """The pauses of `signal` that count for `times`; arguments as for `corrected`."""
    spans = pauses(signal, rate, times.quiet, SHORTEST_PAUSE_SECONDS, LEVEL_SECONDS)
    return begin + np.array(spans, np.float64).reshape(-1, 2) / rate


def placed(
    words: Sequence[Word], silences: Silences, times: Times, bounds: Span, frame_seconds: float
) -> tuple[Word, ...]:
    """As `corrected`, for a recording of which only the `silences` are at hand and, in s, where it starts and ends."""
    edges = [
        _between(before, after, silences, times, bounds, frame_seconds)
        for before, after in zip([None, *words], [*words, None], strict=True)
    ]
    return tuple(
        replace(word, start=start, end=end)
        for word, (_, start), (end, _) in zip(words, edges[:-1], edges[1:], strict=True)
    )


def _between(
    before: Word | None,
    after: Word | None,
    silences: Silences,
    times: Times,
    bounds: Span,
    frame_seconds: float,
) -> Span:
    """When `before` ends and when `after` begins; None stands for an edge of the signal."""
    low = _middle(before) + _kept(before, frame_seconds) if before else bounds[0]
    high = _middle(after) - _kept(after, frame_seconds) if after else bounds[1]
    end = before.end + times.end if before else low
    start = after.start - times.start if after else high
    slack = frame_seconds / 2 + SLACK_SECONDS
    window = (
        max(low, before.end - slack) if before else low,
        min(high, after.start + slack) if after else high,
    )
    pause = _pause(silences, window, first=after is None, last=before is None)
    if pause is not None:
        # Where a pause fills the window to its edge, the word's own edge lies further inside the word.
        if before and pause[0] > window[0] and pause[0] - before.end <= times.reach:
            end = pause[0]
        if after and pause[1] < window[1] and after.start - pause[1] <= times.reach:
            start = pause[1]
    # Starts are the surer ones: where both claim the same stretch, the word before ends there.
    start = max(min(start, high), low)
    end = max(min(end, start), low)
    return min(max(end, bounds[0]), bounds[1]), min(max(start, bounds[0]), bounds[1])


def _pause(silences: Silences, window: Span, first: bool, last: bool) -> Span | None:
    """The longest of `silences` within `window`, cut to it; or the first or the last of them."""
    near = slice(np.searchsorted(silences[:, 1], window[0]), np.searchsorted(silences[:, 0], window[1]))
    cut = silences[near].clip(*window)
    lengths = cut[:, 1] - cut[:, 0]
    inside = cut[lengths >= SHORTEST_PAUSE_SECONDS - _ROUNDING]
    if not len(inside):
        return None
    index = 0 if first else -1 if last else int((inside[:, 1] - inside[:, 0]).argmax())
    return float(inside[index, 0]), float(inside[index, 1])


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2


def _kept(word: Word, frame_seconds: float) -> float:
    """Half of what a word keeps of its run, in seconds."""
    return min(frame_seconds, word.end - word.start) / 4
