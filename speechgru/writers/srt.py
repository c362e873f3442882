"""SubRip subtitles (.srt). Cues as in speechgru.cues."""

from __future__ import annotations

from typing import TextIO

from speechgru.cues import cues, timestamp
from speechgru.transcript import Transcript

EXTENSION = "srt"


def write(transcript: Transcript, stream: TextIO) -> None:
    """Numbered cues with a comma before the milliseconds."""
    for number, cue in enumerate(cues(transcript), start=1):
        text = "\n".join(cue.lines).replace("-->", "->")
        stream.write(f"{number}\n{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}\n{text}\n\n")
