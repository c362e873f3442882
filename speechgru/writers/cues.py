"""Cues for the formats that show text for a while: SRT, WebVTT, ASS and LRC.

By default a cue holds at most two lines of 42 characters and lasts at most seven seconds, the usual limits for reading.
Times are whole milliseconds; cues are in order, never overlap and are never empty in time, whatever the words
say. A short cue stays up to a second where the next one leaves room.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from speechgru.errors import ConfigError
from speechgru.transcript import Transcript, Word
from speechgru.utils import schema

MAX_MS = 7000
MIN_MS = 1000
NARROWEST = 8
_ENDS = (".", "?", "!", "…")
_BACK = 3  # words that a cue gives to the next one so as to end with a sentence

Row = tuple[Word, ...]


@dataclass(frozen=True)
class Layout:
    """How much a cue shows, and whether it shows which word is spoken."""

    max_line_width: int = 42
    """Characters of a line."""
    max_lines: int = 2
    """Lines of a cue."""
    max_words: int | None = None
    """Words of a cue; None: as many as fit."""
    highlight_words: bool = False
    """Underline each word while it is spoken."""
    karaoke: bool = False
    """Give the time of each word, in the format's own way, for players that colour the words one after the other."""

    def __post_init__(self) -> None:
        least = {"max_line_width": NARROWEST, "max_lines": 1, "max_words": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise ConfigError(f"{name} is {value}; expected {low} or more.")
        if self.highlight_words and self.karaoke:
            raise ConfigError("highlight_words and karaoke are two ways to show one thing. Choose one.")

    @classmethod
    def of(cls, name: str, styles: Collection[str], settings: Mapping[str, Any]) -> Layout:
        """That of the format `name`, which can do `styles` (highlight_words, karaoke).

        Raises:
            ConfigError: no such setting, a value out of range, or a style that the format can't do.
        """
        layout = schema.build(cls, settings, "layout")
        for style in ("highlight_words", "karaoke"):
            if getattr(layout, style) and style not in styles:
                raise ConfigError(
                    f"{name} can't do {style}. {'It can do ' + ' and '.join(sorted(styles)) if styles else ''}"
                    f"{'; choose' if styles else 'Choose'} another format for it: "
                    f"{'srt, vtt or ass' if style == 'highlight_words' else 'vtt, ass or lrc'}."
                )
        return layout


DEFAULT = Layout()


@dataclass(frozen=True)
class Cue:
    """Words in `rows`, one a line, shown from `start` to `end`, both in milliseconds, start < end."""

    start: int
    end: int
    rows: tuple[Row, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The text of each row."""
        return tuple(" ".join(word.text for word in row) for row in self.rows)

    def spans(self) -> Iterator[tuple[int, int, int | None]]:
        """From the cue's start to its end: start, end and the number of the word that is spoken; None between words.

        A word that lies outside the cue or within an earlier one has no span.
        """
        cursor = self.start
        for number, word in enumerate(chain.from_iterable(self.rows)):
            start = min(max(round(1000 * word.start), cursor), self.end)
            end = min(max(round(1000 * word.end), start), self.end)
            if start == end:
                continue
            if cursor < start:
                yield cursor, start, None
            yield start, end, number
            cursor = end
        if cursor < self.end:
            yield cursor, self.end, None


def cues(transcript: Transcript, layout: Layout = DEFAULT) -> list[Cue]:
    """Cut a transcript into cues; a cue never spans two segments."""
    groups = [group for segment in transcript.segments for group in _groups(segment.words, layout)]
    starts = [round(1000 * group[0].start) for group in groups]
    cues: list[Cue] = []
    for i, group in enumerate(groups):
        start = max(starts[i], cues[-1].end if cues else 0)
        end = max(round(1000 * group[-1].end), start + MIN_MS)
        room = starts[i + 1] if i + 1 < len(starts) else end
        end = max(min(end, room, start + MAX_MS), start + 1)
        cues.append(Cue(start, end, _balanced(group, layout.max_line_width)))
    return cues


def timestamp(milliseconds: int, point: str) -> str:
    """Hours, minutes, seconds and milliseconds, with `point` before the last.

    >>> timestamp(3_723_004, ",")
    '01:02:03,004'
    """
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{milliseconds:03d}"


def _groups(words: Sequence[Word], layout: Layout) -> Iterator[list[Word]]:
    group: list[Word] = []
    for word in chain.from_iterable(_pieces(word, layout.max_line_width) for word in words):
        while group and not _fits([*group, word], layout):
            cut = _cut(group, layout)
            yield group[:cut]
            group = group[cut:]
        group.append(word)
    if group:
        yield group


def _cut(group: list[Word], layout: Layout) -> int:
    """How many words of a full cue it keeps: up to a sentence that ends a few words earlier, else all."""
    if layout.max_words is not None:
        return len(group)
    ends = (n for n in range(len(group) - 1, max(len(group) - 1 - _BACK, 0), -1) if _ends(group[n - 1]))
    return next(ends, len(group))


def _ends(word: Word) -> bool:
    return word.text.rstrip("\"'”’)").endswith(_ENDS)


def _fits(group: list[Word], layout: Layout) -> bool:
    if layout.max_words is not None and len(group) > layout.max_words:
        return False
    if 1000 * (group[-1].end - group[0].start) > MAX_MS:
        return False
    return len(_rows(group, layout.max_line_width)) <= layout.max_lines


def _pieces(word: Word, width: int) -> Iterator[Word]:
    """A word in parts that share its time where it holds spaces or is too long for a line; nearly always itself."""
    parts = [part[i : i + width] for part in word.text.split() for i in range(0, len(part), width)]
    step = (word.end - word.start) / max(len(parts), 1)
    for i, part in enumerate(parts):
        yield Word(part, word.start + i * step, word.start + (i + 1) * step, word.confidence)


def _rows(group: Sequence[Word], width: int) -> list[list[Word]]:
    """Rows of at most `width` characters, each filled before the next begins; a longer word has a row of its own."""
    rows: list[list[Word]] = []
    used = 0
    for word in group:
        if rows and used + 1 + len(word.text) <= width:
            rows[-1].append(word)
            used += 1 + len(word.text)
        else:
            rows.append([word])
            used = len(word.text)
    return rows


def _balanced(group: Sequence[Word], width: int) -> tuple[Row, ...]:
    """In as few rows, but of about the same length: easier to read than full lines and a lone word."""
    count = len(_rows(group, width))
    length = sum(len(word.text) + 1 for word in group) - 1
    widths = range(max(length // count, max(len(word.text) for word in group)), width)
    candidates = (_rows(group, narrow) for narrow in widths)
    rows = next((rows for rows in candidates if len(rows) == count), _rows(group, width))
    return tuple(map(tuple, rows))
