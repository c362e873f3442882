"""Advanced SubStation Alpha subtitles (.ass, version 4.00+). Cues as in speechgru.writers.cues; times in centiseconds.

Braces and backslashes are escaped as FFmpeg does it. Size and margins are those of FFmpeg's default style, for a
picture of 384 by 288; players scale them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from speechgru.transcript import Transcript
from speechgru.writers.cues import DEFAULT, Cue, Layout, cues

EXTENSION = "ass"
LAYOUT = Layout
STYLES = ("highlight_words", "karaoke")
_HEAD = """\
[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&H00a5ff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
_ESCAPES = str.maketrans({"{": r"\{", "}": r"\}", "\\": "\\\u2060"})


def write(transcript: Transcript, stream: TextIO, layout: Layout = DEFAULT) -> None:
    r"""Script, style, and an event a cue; with highlight_words one a word, which it underlines; with karaoke `\kf`."""
    stream.write(_HEAD)
    for cue in cues(transcript, layout):
        spans = cue.spans() if layout.highlight_words else iter([(cue.start, cue.end, None)])
        for start, end, spoken in spans:
            words = _karaoke(cue) if layout.karaoke else _words(cue, spoken)
            text = r"\N".join(" ".join(next(words) for _ in row) for row in cue.rows)
            first, last = start // 10, max(end // 10, start // 10 + 1)
            stream.write(f"Dialogue: 0,{_clock(first)},{_clock(last)},Default,,0,0,0,,{text}\n")


def _words(cue: Cue, spoken: int | None) -> Iterator[str]:
    texts = (word.text.translate(_ESCAPES) for row in cue.rows for word in row)
    for number, text in enumerate(texts):
        yield rf"{{\u1}}{text}{{\u0}}" if number == spoken else text


def _karaoke(cue: Cue) -> Iterator[str]:
    r"""Each word behind its length `\kf`, in centiseconds, and that of the pause before it, `\k`."""
    spans = list(cue.spans())
    pauses, lengths, waiting = {}, {}, 0
    for start, end, number in spans:
        length = end // 10 - start // 10  # of rounded ends, so that they add up to the cue's
        if number is None:
            waiting += length
        else:
            pauses[number], lengths[number], waiting = waiting, length, 0
    for number, text in enumerate(_words(cue, None)):
        pause = rf"{{\k{pauses[number]}}}" if pauses.get(number) else ""
        yield rf"{pause}{{\kf{lengths.get(number, 0)}}}{text}"


def _clock(centiseconds: int) -> str:
    seconds, centiseconds = divmod(centiseconds, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}.{centiseconds:02d}"
