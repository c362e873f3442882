"""Tunes in ABC notation (abcnotation.com, standard 2.1): files of many tunes, read strictly, a broken one at a time.

A tune that isn't understood is left out whole and named with its line; it never comes out half right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speechgru.errors import MusicError
from speechgru.music.files.abc_body import Body
from speechgru.music.files.abc_fields import Context
from speechgru.music.files.abc_repeats import metre_check, to_notes, written_out
from speechgru.music.score.notes import NoteSequence

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
        notes = to_notes(written_out(bars, header["P"]))
        return Tune(header["X"], header["T"], header["R"], first, notes, *metre_check(bars))
    except MusicError as error:
        return Broken(header["X"], header["T"], first, place, str(error))


def _joined(first: int, lines: list[str]) -> list[tuple[int, str]]:
    """Lines without comments, those that end with a backslash joined to the next, each with its number."""
    found: list[tuple[int, str]] = []
    goes_on = False
    for number, line in enumerate(lines, start=first):
        if not goes_on:
            found.append((number, line.strip()))
        else:
            found[-1] = (found[-1][0], found[-1][1] + line.strip())
        begun, text = found[-1]
        # A directive (%%) may go on too; a comment may not.
        text = text if text.startswith("%%") else _COMMENT.sub("", text).strip()
        goes_on = text.endswith("\\")
        found[-1] = (begun, text[:-1] if goes_on else text)
    return [(number, text) for number, text in found if text and not text.startswith("%")]
