"""Plain text: one line for each segment; of several recordings, one line each: path, tab, text."""

from __future__ import annotations

import re
from typing import TextIO

from speechgru.transcript import Transcript

EXTENSION = "txt"
PIECEWISE = True
"""What is written of a transcript is what is written of its segments, one after another."""


def write(transcript: Transcript, stream: TextIO) -> None:
    """One line a segment; nothing at all when nothing was said."""
    stream.writelines(f"{segment.text}\n" for segment in transcript.segments)


def write_line(transcript: Transcript, stream: TextIO) -> None:
    """Path, tab, whole text: for several recordings in one stream. A tab or line break in a path is a space."""
    path = re.sub(r"[\t\r\n]", " ", transcript.source)
    stream.write(f"{path}\t{transcript.text}\n")
