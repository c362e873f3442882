"""Word times from a hybrid model's edges, checked by the places of the CTC model and the pauses in the sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speechgru.inference import word_times
from speechgru.inference.word_times import Silences, Span, Times
from speechgru.transcript import Word

FARTHEST = 0.25  # seconds from where the CTC model has a word's edge; beyond, one of both is wrong
REACH = 0.12  # seconds from an edge to that of a pause, which is surer


def by_edges(
    words: Sequence[Word],
    spans: Sequence[Span | None],
    silences: Silences,
    times: Times | None,
    duration: float,
    frame_seconds: float,
) -> tuple[Word, ...]:
    """`words` with the times of `spans`, in seconds, in order and not overlapping.

    Args:
        words: over the runs of their characters.
        spans: of each word by the hybrid model; None where it has none: there the CTC model's times stay.
        silences: pauses that count for `times`; they are of a CTC model that knows its own.
        duration: of the recording in seconds.
        frame_seconds: of the CTC model's output.
    """
    own = word_times.placed(words, silences, times, (0.0, duration), frame_seconds) if times else tuple(words)
    moved, end = [], 0.0
    for word, span in zip(own, spans, strict=True):
        start, stop = span or (word.start, word.end)
        start = start if abs(start - word.start) <= FARTHEST else word.start
        stop = stop if abs(stop - word.end) <= FARTHEST else word.end
        start = max(start, end)
        end = max(stop, start + frame_seconds / 2)
        moved.append(replace(word, start=start, end=end))
    if times is None:
        return tuple(moved)
    known = replace(times, start=0.0, end=0.0, reach=REACH)
    return word_times.placed(moved, silences, known, (0.0, duration), frame_seconds)
