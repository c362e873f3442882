"""Words that the sound doesn't hold: the times of what is spoken in their place, if anything is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgru.alignment.ctc import Run
from speechgru.alignment.spelling import Item
from speechgru.decoding.trellis import Floats
from speechgru.text.vocabulary import BLANK
from speechgru.transcript import Word

_LEAST_FRAMES = 2  # with a character, outside the words beside: speech
_MOST_CHARACTERS = 40.0  # a second; of more, most have no place in the gap


@dataclass(frozen=True)
class Placed:
    """A unit's `word`, None where nothing is in its place; the reading that was taken comes first."""

    word: Word | None
    is_spoken: bool
    readings: tuple[str, ...]


def filled(
    words: Sequence[Word | None],
    runs: Sequence[Run | None],
    items: Sequence[Item],
    log_probs: Floats,
    space: int | None,
    frame_seconds: float,
) -> list[Placed]:
    """All units: spoken ones as in `words`, the others with the times of their gap, shared by their lengths."""
    quiet = (BLANK, BLANK if space is None else space)
    speech = ~np.isin(log_probs.argmax(axis=1), quiet)
    placed: list[Placed] = []
    for i, word in enumerate(words):
        run = runs[i]
        if word is not None and run is not None:
            taken = items[i].spoken[run.reading]
            rest = tuple(other for other in items[i].spoken if other != taken)
            placed.append(Placed(word, True, (taken, *rest)))
        elif i and words[i - 1] is None:
            continue  # with the first of its gap
        else:
            last = next((j for j in range(i, len(words)) if words[j] is not None), len(words))
            span = _span(words, runs, i, last, speech, frame_seconds)
            placed += _shared(items[i:last], span)
    return placed


def _span(
    words: Sequence[Word | None],
    runs: Sequence[Run | None],
    first: int,
    last: int,
    speech: np.ndarray,
    frame_seconds: float,
) -> tuple[float, float] | None:
    """Of the speech between the words before `first` and from `last` on, in seconds; None where there is none."""
    before, after = (runs[first - 1] if first else None), (runs[last] if last < len(runs) else None)
    begin = int(before.ends[-1]) if before else 0
    end = int(after.starts[0]) if after else len(speech)
    frames = begin + np.flatnonzero(speech[begin:end])
    if len(frames) < _LEAST_FRAMES:
        return None
    # Frame t is centred at t * frame_seconds; characters peak inside what they stand for.
    low, high = (float(frames[0]) - 1.5) * frame_seconds, (float(frames[-1]) + 1.5) * frame_seconds
    one, other = (words[first - 1] if first else None), (words[last] if last < len(words) else None)
    low = max(low, one.end if one else 0.0)
    high = min(high, other.start if other else len(speech) * frame_seconds)
    return (low, high) if high > low else None


def _shared(items: Sequence[Item], span: tuple[float, float] | None) -> list[Placed]:
    sizes = np.array([min(map(len, item.spoken)) for item in items], float)
    if span is None or sizes.sum() > _MOST_CHARACTERS * (span[1] - span[0]):
        return [Placed(None, False, item.spoken) for item in items]
    edges = (span[0] + (span[1] - span[0]) * np.concatenate([[0.0], np.cumsum(sizes) / sizes.sum()])).tolist()
    return [
        Placed(Word("", start, end, 0.0), False, item.spoken)
        for item, start, end in zip(items, edges[:-1], edges[1:], strict=True)
    ]
