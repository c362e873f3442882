"""SubRip subtitles (.srt). Cues as in speechgru.writers.cues."""

from __future__ import annotations

from typing import TextIO

from speechgru.transcript import Transcript
from speechgru.writers.cues import cues, timestamp

EXTENSION = "srt"


def write(transcript: Transcript, stream: TextIO) -> None:
    """Numbered cues with a comma before the milliseconds."""
    for number, cue in enumerate(cues(transcript), start=1):
        text = "\n".join(cue.lines).replace("-->", "->")
        stream.write(f"{number}\n{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}\n{text}\n\n")
