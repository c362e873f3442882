"""SubRip subtitles (.srt). Cues as in speechgru.writers.cues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from speechgru.transcript import Transcript
from speechgru.writers.cues import DEFAULT, Cue, Layout, cues, timestamp

EXTENSION = "srt"
LAYOUT = Layout
STYLES = ("highlight_words",)


def write(transcript: Transcript, stream: TextIO, layout: Layout = DEFAULT) -> None:
    """Numbered cues with a comma before the milliseconds; with highlight_words one for each word of a cue."""
    number = 0
    for cue in cues(transcript, layout):
        for start, end, text in _shown(cue, layout):
            number += 1
            stream.write(f"{number}\n{timestamp(start, ',')} --> {timestamp(end, ',')}\n{text}\n\n")


def _shown(cue: Cue, layout: Layout) -> Iterator[tuple[int, int, str]]:
    spans = cue.spans() if layout.highlight_words else iter([(cue.start, cue.end, None)])
    for start, end, spoken in spans:
        number, lines = 0, []
        for row in cue.rows:
            words = []
            for word in row:
                text = word.text.replace("-->", "->")
                words.append(f"<u>{text}</u>" if number == spoken else text)
                number += 1
            lines.append(" ".join(words))
        yield start, end, "\n".join(lines).replace("-->", "->")
