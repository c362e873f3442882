"""NIST time-marked conversation (.ctm): one word a line, `file channel start duration word confidence`.

The file is the recording's name without folder and suffix, spaces as underscores ("stdin" for standard input,
"audio" for an array); the channel is 1, because recordings are mixed to mono; times in seconds.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TextIO

from speechgru.transcript import Transcript

EXTENSION = "ctm"
PIECEWISE = True
"""What is written of a transcript is what is written of its segments, one after another."""
CHANNEL = 1


def write(transcript: Transcript, stream: TextIO) -> None:
    """One line a word."""
    name = file_name(transcript.source)
    for word in transcript.words:
        # Rounded ends, not rounded durations: so neighbours that don't overlap still don't.
        start, end = round(word.start, 3), round(word.end, 3)
        length = max(end - start, 0.001)
        text = _field(word.text)
        stream.write(f"{name} {CHANNEL} {start:.3f} {length:.3f} {text} {word.confidence:.4f}\n")


write_line = write  # every line names its file, so several recordings share a stream


def file_name(source: str) -> str:
    """The first field: one word without spaces.

    >>> file_name("talks/day one.mp3"), file_name("-"), file_name("")
    ('day_one', 'stdin', 'audio')
    """
    return {"-": "stdin", "": "audio"}.get(source) or _field(PurePath(source).stem)


def _field(text: str) -> str:
    return "_".join(text.split()) or "_"
