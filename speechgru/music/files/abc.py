"""Tunes in ABC notation (abcnotation.com, standard 2.1): files of many tunes, read strictly, a broken one at a time.

A tune that is not understood is left out whole and named with its line; it never comes out half right. The bars of a
tune (abc_body.py) become notes as they are played: repeats, endings and parts written out, ties joined, times in beats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from speechgru.errors import MusicError
from speechgru.music.files.abc_body import Bar, Body, Event
from speechgru.music.files.abc_fields import Context
from speechgru.music.score.notes import KeyChange, Metre, Note, NoteSequence, Tempo

_MOST_BARS = 10_000
_MOST_PARTS = 100
_PARTS = re.compile(r"(?:[A-Z]\d?[\s.]*)+")
EXTENSIONS = (".abc",)
MAX_BYTES = 4 * 2**20
_FIELD = re.compile(r"([A-Za-z+]):(?![|:])(.*)")
_COMMENT = re.compile(r"(?<!\\)%.*")


@dataclass(frozen=True)
class Tune:
    """A tune as it is played. `number`, `title` and `rhythm` are its fields X, T and R, "" where it has none; `line` is
    where it begins. `bars` stand between plain bar lines, `odd_bars` of them are not as long as the metre says."""

    number: str
    title: str
    rhythm: str
    line: int
    notes: NoteSequence
    bars: int
    odd_bars: int


@dataclass(frozen=True)
class Broken:
    """A tune that is not understood: where it begins, and what is wrong in which line."""

    number: str
    title: str
    line: int
    fault_line: int
    fault: str

    def __str__(self) -> str:
        return f"line {self.fault_line}: {self.fault} (tune {self.number or '?'}, {self.title or 'no title'})"


@dataclass(frozen=True)
class Collection:
    """What a file holds."""

    tunes: tuple[Tune, ...]
    broken: tuple[Broken, ...]


def read(path: str | Path) -> Collection:
    """All tunes of an ABC file, and those that are broken.

    Raises:
        MusicError: the file can't be read, is no text or too long, or has no tune (no line `X:`).
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise MusicError(f"Can't read {path}: {error.strerror}. Expected a file of tunes in ABC.") from error
    if len(data) > MAX_BYTES or b"\0" in data:
        raise MusicError(f"{path} is not text of at most {MAX_BYTES} bytes. Expected a file of tunes in ABC.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return parse(text, str(path))


def parse(text: str, name: str = "the text") -> Collection:
    """As `read`, from a text that errors call `name`.

    Raises:
        MusicError: the text has no tune (no line `X:`).
    """
    tunes: list[Tune] = []
    broken: list[Broken] = []
    for first, lines in _split(text):
        tune = _tune(first, lines)
        if isinstance(tune, Tune):
            tunes.append(tune)
        else:
            broken.append(tune)
    if not tunes and not broken:
        raise MusicError(f"{name} has no tune. In ABC a tune begins with a line X:1.")
    return Collection(tuple(tunes), tuple(broken))


def _split(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line and lines of each tune: from `X:` to an empty line or the next `X:`."""
    first, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        begins = line.startswith("X:")
        if lines and (begins or not line.strip()):
            yield first, lines
            lines = []
        if begins:
            first = number
        if lines or begins:
            lines.append(line)
    if lines:
        yield first, lines


def _tune(first: int, lines: list[str]) -> Tune | Broken:
    header = {"X": "", "T": "", "R": "", "P": ""}
    body: Body | None = None
    context = Context()
    place = first
    try:
        for number, text in _joined(first, lines):
            place = number
            field = _FIELD.fullmatch(text)
            if field and body is not None:
                body.change(field[1], field[2])
            elif field:
                header[field[1]] = header.get(field[1]) or field[2].strip()
                context = context.changed(field[1], field[2])
                body = Body(context) if field[1] == "K" else None
            elif body is None:
                raise MusicError("music before the key: a line K: must come first")
            else:
                body.line(text)
        if body is None:
            raise MusicError("the tune has no key: expected a line K:")
        bars = body.finish()
        notes = _to_notes(_written_out(bars, header["P"]))
        return Tune(header["X"], header["T"], header["R"], first, notes, *_metre_check(bars))
    except MusicError as error:
        return Broken(header["X"], header["T"], first, place, str(error))


def _joined(first: int, lines: list[str]) -> list[tuple[int, str]]:
    """Lines without comments, those that end with a backslash joined to the next, each with its number."""
    joined: list[tuple[int, str]] = []
    goes_on = False
    for number, line in enumerate(lines, start=first):
        if not goes_on:
            joined.append((number, line.strip()))
        else:
            joined[-1] = (joined[-1][0], joined[-1][1] + line.strip())
        begun, text = joined[-1]
        # A directive (%%) may go on too; a comment may not.
        text = text if text.startswith("%%") else _COMMENT.sub("", text).strip()
        goes_on = text.endswith("\\")
        joined[-1] = (begun, text[:-1] if goes_on else text)
    return [(number, text) for number, text in joined if text and not text.startswith("%")]


# ------------------------------------------------------------------------------- bars as they are played


def _written_out(bars: Sequence[Bar], parts: str = "") -> list[Bar]:
    """The bars in the order in which they are played. `parts` like `ABA` or `A2B` orders the parts, if all are there.

    A repeat without a beginning goes back to the last double bar or repeat.

    Raises:
        MusicError: there would be more than _MOST_BARS, or _MOST_PARTS.
    """
    names = re.findall(r"([A-Z])(\d?)", parts) if _PARTS.fullmatch(parts.strip()) else []
    order = [name for name, times in names for _ in range(int(times or 1))]
    if len(order) > _MOST_PARTS:
        raise MusicError(f"the tune has more than {_MOST_PARTS} parts")
    by_part: dict[str, list[Bar]] = {}
    for bar in bars:
        by_part.setdefault(bar.part, []).append(bar)
    chunks = [by_part[part] for part in order] if order and set(order) <= set(by_part) else [list(bars)]
    played = [chunk[index] for chunk in chunks for index in _repeated(chunk)]
    if len(played) > _MOST_BARS:
        raise MusicError(f"written out, the tune has more than {_MOST_BARS} bars")
    return played


def _repeated(bars: Sequence[Bar]) -> list[int]:
    """Indices of the bars as they are played."""
    order: list[int] = []
    index = start = 0
    nth = 1  # the pass since `start`
    is_opened = in_ending = False
    while index < len(bars) and len(order) <= _MOST_BARS:
        bar = bars[index]
        if bar.opens and index != start:
            start, nth, in_ending = index, 1, False
        is_opened |= bar.opens
        if bar.endings and nth not in bar.endings:
            index = _after_ending(bars, index)
            continue
        in_ending |= bool(bar.endings)
        order.append(index)
        if _goes_back(bars, index) and nth < _passes(bars, start, index):
            index, nth, in_ending = start, nth + 1, False
            continue
        index += 1
        is_done = bar.closes > 0 or (bar.ends_section and (in_ending or not is_opened))
        if is_done:
            start, nth, is_opened, in_ending = index, 1, False, False
    return order


def _goes_back(bars: Sequence[Bar], index: int) -> bool:
    """Also where an ending other than the first follows one that nobody closed."""
    if bars[index].closes:
        return True
    following = bars[index + 1] if index + 1 < len(bars) else Bar()
    return bool(following.endings) and 1 not in following.endings and not following.opens


def _passes(bars: Sequence[Bar], start: int, index: int) -> int:
    """How often the section from `start`, which goes back at `index`, is played."""
    numbers = [number for bar in bars[start : index + 1] for number in bar.endings]
    last = index + 1
    while last < len(bars) and bars[last].endings and not bars[last].opens:
        numbers += bars[last].endings
        last = _after_ending(bars, last)
    return max([bars[index].closes + 1, *numbers])


def _after_ending(bars: Sequence[Bar], index: int) -> int:
    """Where the ending that begins at `index` is over."""
    index += 1
    while index < len(bars):
        before, bar = bars[index - 1], bars[index]
        if before.closes or before.ends_section or bar.endings or bar.opens:
            break
        index += 1
    return index


def _to_notes(played: Sequence[Bar]) -> NoteSequence:
    """Notes in beats. An upbeat is put at the end of a whole bar, so that bars begin at multiples of their length.

    Raises:
        MusicError: no note is played.
    """
    events = [event for bar in played for event in bar.events]
    if not any(event.pitches for event in events):
        raise MusicError("no note of the tune is played: its endings are for passes that it doesn't have")
    first = events[0].context
    now = first.bar - played[0].duration if first.bar and played[0].duration < first.bar else Fraction(0)
    notes: list[Note] = []
    held: dict[int, float] = {}  # when the pitches began that are tied on
    tempos: list[Tempo] = []
    keys: list[KeyChange] = []
    metres: list[Metre] = []
    before: Context | None = None
    start = _beat(now)
    for event in events:
        if event.context != before:
            _note_changes(before, event.context, 0.0 if before is None else start, tempos, keys, metres)
            before = event.context
        now += event.duration
        end = _beat(now)
        held = _sound(event, start, end, held, notes)
        start = end
    notes += [Note(begun, pitch, start) for pitch, begun in held.items()]
    return NoteSequence(tuple(notes), tuple(tempos), tuple(keys), tuple(metres), start)


def _beat(whole_notes: Fraction) -> float:
    """The nearest float, so that a beat which is on a grid is found there (see `notes`)."""
    return 4 * whole_notes.numerator / whole_notes.denominator


def _sound(
    event: Event, start: float, end: float, held: dict[int, float], notes: list[Note]
) -> dict[int, float]:
    """Add the notes that end with `event` or, tied to another pitch (a slur), before it; what is tied on from it."""
    begun = {pitch: held.pop(pitch, start) for pitch in event.pitches}
    notes += [Note(when, pitch, start) for pitch, when in held.items()]
    notes += [Note(when, pitch, end) for pitch, when in begun.items() if pitch not in event.tied]
    return {pitch: when for pitch, when in begun.items() if pitch in event.tied}


def _note_changes(
    before: Context | None,
    context: Context,
    when: float,
    tempos: list[Tempo],
    keys: list[KeyChange],
    metres: list[Metre],
) -> None:
    if context.qpm is not None and (before is None or context.qpm != before.qpm):
        tempos.append(Tempo(when, context.qpm))
    if context.key is not None and (before is None or context.key != before.key):
        keys.append(KeyChange(when, context.key))
    if context.metre is not None and (before is None or context.metre != before.metre):
        metres.append(Metre(when, *context.metre))


def _metre_check(bars: Sequence[Bar]) -> tuple[int, int]:
    """How many bars stand between two plain bar lines, and how many of them are not as long as the metre says.

    Next to a repeat, an ending or a double bar a bar may be short, as its other half is elsewhere.
    """
    inner = odd = 0
    for (before, bar), following in zip(pairwise(bars), bars[2:]):
        is_edge = before.closes or before.ends_section or bar.opens or bar.endings
        is_edge = is_edge or bar.closes or bar.ends_section or following.opens or following.endings
        expected = bar.events[0].context.bar
        if not is_edge and expected is not None and bar.part == before.part == following.part:
            inner += 1
            odd += bar.duration != expected
    return inner, odd
