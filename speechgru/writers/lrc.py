"""Timed lyrics (.lrc): `[minutes:seconds]` and a line, in centiseconds; players show it until the next one.

A line is a cue of one row. An empty one clears the screen where a pause of a second or more follows. Brackets of the
text, which begin a time, become parentheses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TextIO

from speechgru.transcript import Transcript
from speechgru.writers.cues import DEFAULT, MIN_MS, Cue, Layout, cues

EXTENSION = "lrc"
LAYOUT = Layout
STYLES = ("karaoke",)
_ESCAPES = str.maketrans("[]<>", "()()")


def write(transcript: Transcript, stream: TextIO, layout: Layout = DEFAULT) -> None:
    """The recording's length, then a line a cue; with karaoke `<minutes:seconds>` before each word (enhanced LRC)."""
    stream.write(f"[length:{_clock(round(1000 * transcript.duration))}]\n")
    found = cues(transcript, replace(layout, max_lines=1))
    for cue, following in zip(found, [*found[1:], None]):
        words = _karaoke(cue) if layout.karaoke else _words(cue)
        stream.write(f"[{_clock(cue.start)}]{' '.join(words)}\n")
        if following is None or following.start - cue.end >= MIN_MS:
            stream.write(f"[{_clock(cue.end)}]\n")


def _words(cue: Cue) -> Iterator[str]:
    return (word.text.translate(_ESCAPES) for row in cue.rows for word in row)


def _karaoke(cue: Cue) -> Iterator[str]:
    starts = {number: start for start, _, number in cue.spans()}
    last = cue.start
    for number, text in enumerate(_words(cue)):
        last = starts.get(number, last)
        yield f"<{_clock(last)}>{text}"


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds // 10, 100)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes:02d}:{seconds:02d}.{rest:02d}"
