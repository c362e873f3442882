"""WebVTT subtitles (.vtt, W3C). Cues as in speechgru.writers.cues; &, < and > are escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TextIO

from speechgru.transcript import Transcript
from speechgru.writers.cues import DEFAULT, Cue, Layout, cues, timestamp

EXTENSION = "vtt"
LAYOUT = Layout
STYLES = ("highlight_words", "karaoke")


def write(transcript: Transcript, stream: TextIO, layout: Layout = DEFAULT) -> None:
    """The header, then unnumbered cues with a point before the milliseconds.

    With highlight_words a cue for each word, underlined; with karaoke a cue timestamp before each word.
    """
    stream.write("WEBVTT\n")
    for cue in cues(transcript, layout):
        spans = cue.spans() if layout.highlight_words else iter([(cue.start, cue.end, None)])
        for start, end, spoken in spans:
            words = _karaoke(cue) if layout.karaoke else _words(cue, spoken)
            text = "\n".join(" ".join(next(words) for _ in row) for row in cue.rows)
            stream.write(f"\n{timestamp(start, '.')} --> {timestamp(end, '.')}\n{text}\n")


def _words(cue: Cue, spoken: int | None) -> Iterator[str]:
    texts = (escape(word.text, quote=False) for row in cue.rows for word in row)
    for number, text in enumerate(texts):
        yield f"<u>{text}</u>" if number == spoken else text


def _karaoke(cue: Cue) -> Iterator[str]:
    """A word that begins after the cue does is preceded by its time; these rise, as the format demands."""
    starts = {number: start for start, _, number in cue.spans()}
    last = cue.start
    for number, text in enumerate(_words(cue, None)):
        start = starts.get(number, last)
        yield f"<{timestamp(start, '.')}><c>{text}</c>" if start > last else text
        last = max(last, start)
