"""Long recordings in pieces that a network can take, and their words put together again.

A piece ends in the middle of the longest pause of its later part. Where nobody pauses it is a window, and
the next window begins OVERLAP_SECONDS before its end: both then hold the words near the seam whole, and each
keeps its own half. Memory is bounded by one block of the source plus one piece, however long the recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechgru.audio.energy import Signal, pauses
from speechgru.transcript import Word

MAX_SECONDS = 20.0  # of a piece; about the longest utterance that a model is trained on
MIN_SECONDS = 5.0  # of a piece that ends in a pause
OVERLAP_SECONDS = 4.0  # two seconds of context on either side of a seam
_SLACK_SECONDS = 0.4  # how far before the seam a word may lie that only the later window has
_JITTER_SECONDS = 0.2  # how far apart two windows may place the same word


@dataclass(frozen=True)
class Piece:
    """Part of a recording: `samples` [time], where it starts and what it shares with the one before, in s."""

    samples: Signal
    start: float
    overlap: float = 0.0


def cut(blocks: Iterable[Signal], rate: int) -> Iterator[Piece]:
    """Pieces of at most MAX_SECONDS that cover `blocks` ([time] each, at `rate` Hz) from start to end."""
    longest = round(MAX_SECONDS * rate)
    buffer: Signal = np.zeros(0, np.float32)
    position, overlap = 0, 0
    for block in blocks:
        buffer = np.concatenate([buffer, block]) if len(buffer) else block
        while len(buffer) > longest:
            end, next_overlap = _end(buffer[:longest], rate)
            # A copy: a view would keep the whole buffer alive for as long as the piece waits in a batch.
            yield Piece(buffer[:end].copy(), position / rate, overlap / rate)
            buffer, position, overlap = (
                buffer[end - next_overlap :],
                position + end - next_overlap,
                next_overlap,
            )
    if len(buffer):
        yield Piece(buffer.copy(), position / rate, overlap / rate)


def _end(samples: Signal, rate: int) -> tuple[int, int]:
    """Where the piece that starts `samples` ends, and how many samples the next one shares with it."""
    quiet = [(start, end) for start, end in pauses(samples, rate) if (start + end) / 2 >= MIN_SECONDS * rate]
    later = [pause for pause in quiet if sum(pause) >= len(samples)]
    candidates = later or quiet
    if not candidates:
        return len(samples), round(OVERLAP_SECONDS * rate)
    start, end = max(candidates, key=lambda pause: pause[1] - pause[0])
    return (start + end) // 2, 0


def join(before: Sequence[Word], after: Sequence[Word], start: float, overlap: float) -> list[Word]:
    """Words of a piece and of the next, which begins at `start` seconds and shares `overlap` seconds with it.

    The seam is the middle of what they share. A word belongs to the piece on whose side its own middle lies;
    a word that both would claim, or neither, because they place it a little differently, is kept once.
    """
    if not any(word.end > start for word in before):  # nothing shared, or no words in what is shared
        return [*before, *after]
    seam = start + overlap / 2
    kept = [word for word in before if _middle(word) < seam]
    last = kept[-1] if kept else Word("", 0.0, 0.0, 0.0)
    earliest = max(last.end, seam - _SLACK_SECONDS)
    added = [word for word in after if _middle(word) > earliest]
    if added and added[0].text == last.text and added[0].start - last.start < _JITTER_SECONDS:
        added = added[1:]
    if added and added[0].start < last.end:
        added[0] = replace(added[0], start=last.end)
    return [*kept, *added]


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2
