"""Praat TextGrid, long text format, UTF-8: the interval tiers `words` and `segments`. Times in seconds.

Each tier covers the recording from 0 to its end without gaps or overlaps: between words lie intervals without
text. Times are whole milliseconds; an interval lasts at least one, and the last may for that reason lie behind
the end of the recording.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TextIO

from speechgru.transcript import Segment, Transcript, Word

EXTENSION = "TextGrid"


class _Interval(NamedTuple):
    """[start, end) in milliseconds."""

    start: int
    end: int
    text: str


def write(transcript: Transcript, stream: TextIO) -> None:
    """Both tiers; of a recording without speech, one interval without text in each."""
    tiers = {"words": _marked(transcript.words), "segments": _marked(transcript.segments)}
    ends = [interval.end for intervals in tiers.values() for interval in intervals]
    end = max([1, round(1000 * transcript.duration), *ends])
    stream.write('File type = "ooTextFile"\nObject class = "TextGrid"\n\n')
    stream.write(f"xmin = 0\nxmax = {_seconds(end)}\ntiers? <exists>\nsize = {len(tiers)}\nitem []:\n")
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        _write_tier(stream, number, name, _filled(intervals, end), end)


def _write_tier(stream: TextIO, number: int, name: str, intervals: list[_Interval], end: int) -> None:
    stream.write(f'    item [{number}]:\n        class = "IntervalTier"\n        name = "{name}"\n')
    stream.write(f"        xmin = 0\n        xmax = {_seconds(end)}\n")
    stream.write(f"        intervals: size = {len(intervals)}\n")
    for index, interval in enumerate(intervals, start=1):
        stream.write(f"        intervals [{index}]:\n")
        stream.write(f"            xmin = {_seconds(interval.start)}\n")
        stream.write(f"            xmax = {_seconds(interval.end)}\n")
        stream.write(f"            text = {_quoted(interval.text)}\n")


def _marked(spoken: Iterable[Word | Segment]) -> list[_Interval]:
    """In order, never overlapping, never empty."""
    intervals: list[_Interval] = []
    last = 0
    for span in spoken:
        start = max(round(1000 * span.start), last)
        last = max(round(1000 * span.end), start + 1)
        intervals.append(_Interval(start, last, span.text))
    return intervals


def _filled(intervals: list[_Interval], end: int) -> list[_Interval]:
    """With intervals without text between them, from 0 to `end`."""
    filled: list[_Interval] = []
    last = 0
    for interval in [*intervals, _Interval(end, end, "")]:
        if last < interval.start:
            filled.append(_Interval(last, interval.start, ""))
        if interval.start < interval.end:
            filled.append(interval)
        last = interval.end
    return filled


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    """In Praat's way: quotes are doubled. A line break would be kept, but labels are one line everywhere else."""
    return '"{}"'.format(" ".join(text.split()).replace('"', '""'))
