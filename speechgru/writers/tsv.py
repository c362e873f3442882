"""Tab-separated values: a header, then start, end (whole milliseconds) and text of each segment."""

from __future__ import annotations

from typing import TextIO

from speechgru.transcript import Transcript

EXTENSION = "tsv"


def write(transcript: Transcript, stream: TextIO) -> None:
    """One line a segment."""
    stream.write("start\tend\ttext\n")
    for segment in transcript.segments:
        stream.write(f"{round(1000 * segment.start)}\t{round(1000 * segment.end)}\t{segment.text}\n")
