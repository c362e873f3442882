"""Subtitle cues for the formats that show text for a while: SRT and WebVTT.

A cue holds at most two lines of 42 characters and lasts at most seven seconds, the usual limits for reading.
Times are whole milliseconds; cues are in order, never overlap and are never empty in time, whatever the words
say. A short cue stays up to a second where the next one leaves room.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from speechgru.transcript import Transcript, Word

LINE_CHARACTERS = 42
LINES = 2
MAX_MS = 7000
MIN_MS = 1000


@dataclass(frozen=True)
class Cue:
    """Lines shown from `start` to `end`, both in milliseconds, start < end."""

    start: int
    end: int
    lines: tuple[str, ...]


def cues(transcript: Transcript) -> list[Cue]:
    """Cut a transcript into cues; a cue never spans two segments."""
    groups = [group for segment in transcript.segments for group in _groups(segment.words)]
    starts = [round(1000 * group[0].start) for group in groups]
    cues: list[Cue] = []
    for i, group in enumerate(groups):
        start = max(starts[i], cues[-1].end if cues else 0)
        end = max(round(1000 * group[-1].end), start + MIN_MS)
        room = starts[i + 1] if i + 1 < len(starts) else end
        end = max(min(end, room, start + MAX_MS), start + 1)
        cues.append(Cue(start, end, tuple(_wrap(group))))
    return cues


def timestamp(milliseconds: int, point: str) -> str:
    """Hours, minutes, seconds and milliseconds, with `point` before the last.

    >>> timestamp(3_723_004, ",")
    '01:02:03,004'
    """
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{milliseconds:03d}"


def _groups(words: tuple[Word, ...]) -> Iterator[list[Word]]:
    group: list[Word] = []
    for word in chain.from_iterable(map(_pieces, words)):
        if group and not _fits([*group, word]):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _fits(group: list[Word]) -> bool:
    return 1000 * (group[-1].end - group[0].start) <= MAX_MS and len(_wrap(group)) <= LINES


def _pieces(word: Word) -> Iterator[Word]:
    """A word too long for a line, in parts that share its time; nearly always the word itself."""
    parts = [word.text[i : i + LINE_CHARACTERS] for i in range(0, len(word.text), LINE_CHARACTERS)]
    step = (word.end - word.start) / max(len(parts), 1)
    for i, part in enumerate(parts):
        yield Word(part, word.start + i * step, word.start + (i + 1) * step, word.confidence)


def _wrap(group: list[Word]) -> list[str]:
    """The words in lines of about the same length: easier to read than a full line and a lone word."""
    text = " ".join(word.text for word in group)
    lines = textwrap.wrap(text, LINE_CHARACTERS, break_on_hyphens=False)
    if len(lines) == LINES:
        widths = range(len(text) // LINES, LINE_CHARACTERS)
        candidates = (textwrap.wrap(text, width, break_on_hyphens=False) for width in widths)
        lines = next((wrapped for wrapped in candidates if len(wrapped) == LINES), lines)
    return lines
