"""WebVTT subtitles (.vtt, W3C). Cues as in speechgru.writers.cues; &, < and > are escaped."""

from __future__ import annotations

from html import escape
from typing import TextIO

from speechgru.transcript import Transcript
from speechgru.writers.cues import cues, timestamp

EXTENSION = "vtt"


def write(transcript: Transcript, stream: TextIO) -> None:
    """The header, then unnumbered cues with a point before the milliseconds."""
    stream.write("WEBVTT\n")
    for cue in cues(transcript):
        text = escape("\n".join(cue.lines), quote=False)
        stream.write(f"\n{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{text}\n")
