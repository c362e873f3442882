"""How a piece is built: bars that come again, where it ends."""

from __future__ import annotations

import math
from bisect import bisect_right

from speechgru.music.score.notes import NoteSequence, spans

GRID = 24
"""Steps in a beat by which bars are compared."""
LOOP = 8
"""Bars of the longest passage that is looked for again."""


def repeated_bars(piece: NoteSequence) -> float:
    """The share of bars that are an earlier one note for note (place in the bar, pitch, length), bars in which no note
    begins aside; NaN where there is none.

    A tune whose two parts are each played twice has half or more.
    """
    contents = [bar for bar in _bars(piece) if bar]
    return 1 - len(set(contents)) / len(contents) if contents else math.nan


def longest_loop(piece: NoteSequence) -> float:
    """How many times in a row, at most, a passage of 1 to LOOP bars comes note for note: 1 where none does; NaN without
    notes.

    Parts may count: one of eight bars that comes two and a half times gives 2.5.
    """
    bars = _bars(piece)
    if not bars:
        return math.nan
    most = 1.0
    for length in range(1, LOOP + 1):
        same = 0
        for bar, earlier in zip(bars[length:], bars):
            same = same + 1 if bar and bar == earlier else 0
            most = max(most, 1 + same / length if same >= length else 1.0)
    return most


def _bars(piece: NoteSequence) -> list[tuple[tuple[int, int, int], ...]]:
    """What begins in each bar from the first with a note to the last: place in the bar, pitch, length."""
    lines = [round(line * GRID) for line in piece.bar_lines()]
    notes = piece.pitched()
    bars: dict[int, list[tuple[int, int, int]]] = {}
    for note, (start, end) in zip(notes, spans(notes, GRID)):
        number = bisect_right(lines, start) - 1
        bars.setdefault(number, []).append((start - lines[number], note.pitch, end - start))
    return [tuple(bars.get(number, ())) for number in range(min(bars, default=0), max(bars, default=-1) + 1)]


def whole_bars(piece: NoteSequence) -> float:
    """1 where the piece lasts a whole number of bars from its first note on, an upbeat with what ends it, else 0; NaN
    without notes, or where the metre changes."""
    notes = piece.pitched()
    if not notes or len(piece.metres) > 1:
        return math.nan
    bar = piece.metres[0].bar if piece.metres else 4.0
    bars = (max(piece.length, max(note.end for note in notes)) - notes[0].start) / bar
    return float(abs(bars - round(bars)) < 1 / GRID / bar)


def ends_on_tonic(piece: NoteSequence) -> float:
    """1 where the lowest note of those that begin last is the tonic of the key that then holds, else 0; NaN without
    notes or key."""
    notes = piece.pitched()
    if not notes:
        return math.nan
    last = notes[-1].start
    keys = [change.key for change in piece.keys if change.beat <= last]
    if not keys:
        return math.nan
    lowest = min(note.pitch for note in notes if note.start == last)
    return float(lowest % 12 == keys[-1].tonic_class)
