"""The body of an ABC tune: lines of music → bars of notes and rests (ABC standard 2.1, section 4).

Read: notes with accidentals that last for the bar in all octaves, octave marks, lengths, broken rhythm, tuplets, ties,
chords, rests, bar lines with repeats and endings, changes of key, metre, unit length and tempo, parts. Passed over:
chord names, grace notes, slurs, decorations, words, and what older programs and mail left at line ends (`!`, `=20`).
Refused: everything else, and a second voice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from speechgru.errors import MusicError
from speechgru.music.files.abc_fields import MOST, SIGNS, Context

_TOKEN = re.compile(
    r"""
    (?P<skip> [\s`]+ | "[^"]*" | ![^!\s|]+! | ! | \+[a-z]+\+ | \{[^}]*\} | y\d* | \*+\s*$ | \$ | =(?:20)?\s*$)
  | \[(?P<field> [A-Za-z]):(?P<value> [^\]]*)\]
  | (?P<bar> :*\.?\[?\|[|\]]*:* | ::+ ) (?P<number> \s*\[?\d[\d,.-]*)?
  | \[(?P<ending> \d[\d,.-]*)
  | \((?P<tuplet> \d)(?: :(?P<time> \d?)(?: :(?P<span> \d{0,2}))?)?
  | (?P<sign> \^\^?|__?|=)? (?P<letter> [A-Ga-g]) (?P<octave> [,']*) (?P<length> [\d/]*)
  | (?P<rest> [zxZX]) (?P<rest_length> [\d/]*)
  | (?P<open> \[)
  | (?P<close> \]) (?P<chord_length> [\d/]*)
  | (?P<broken> <+|>+)
  | (?P<tie> \.?-)
  | (?P<mark> [()~.H-Wh-w])
    """,
    re.VERBOSE,
)
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_TIMES = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # of other tuplets: 3 in a compound metre, else 2
_MOST_BROKEN = 3


@dataclass
class Event:
    """Pitches that begin together (none: a rest) for `duration` whole notes, and those of them that are `tied` on."""

    duration: Fraction
    pitches: list[int]
    context: Context
    tied: set[int] = field(default_factory=set)


@dataclass
class Bar:
    """Events between two bar lines.

    `opens`: a repeat begins here. `closes`: after it, back to where the repeat began, so often. `endings`: played in
    these passes only. `ends_section`: a double bar follows.
    """

    events: list[Event] = field(default_factory=list)
    opens: bool = False
    closes: int = 0
    endings: frozenset[int] = frozenset()
    ends_section: bool = False
    part: str = ""

    @property
    def duration(self) -> Fraction:
        """In whole notes."""
        return sum((event.duration for event in self.events), Fraction(0))


class Body:
    """Takes the lines of a tune's body one by one; `finish` gives its bars."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._bars: list[Bar] = []
        self._bar = Bar()
        self._voice: str | None = None
        self._signs: dict[str, int] = {}  # of this bar, by letter
        # Sharps or flats by letter and octave: of what is tied on to the last event, and from it to the next.
        self._held: dict[tuple[str, int], int] = {}
        self._tied: dict[tuple[str, int], int] = {}
        self._last: Event | None = None
        self._names: dict[
            int, tuple[str, int, int]
        ] = {}  # letter, octave and sharps of the last event's pitches
        self._chord: Event | None = None
        self._next = Fraction(1)  # what broken rhythm leaves for the next note
        self._tuplet = (Fraction(1), 0)  # and a tuplet for so many

    def change(self, letter: str, value: str) -> None:
        """A field: a line of its own or, like `[K:G]`, among the notes.

        Raises:
            MusicError: its value makes no sense, or a second voice begins.
        """
        if letter == "V":
            voice = value.split()[0] if value.split() else ""
            if self._voice not in (None, voice):
                raise MusicError("the tune has several voices, which are not read")
            self._voice = voice
        elif letter == "P":
            self._end_bar()
            self._bar.part = value.strip()[:1]
        else:
            self.context = self.context.changed(letter, value)

    def line(self, text: str) -> None:
        """A line of music.

        Raises:
            MusicError: something in it is not understood; the message says what and in which column.
        """
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if not match:
                raise MusicError(f"{text[place : place + 8]!r} in column {place + 1} is not understood")
            try:
                self._take(match)
            except MusicError as error:
                raise MusicError(f"{error} (column {place + 1})") from error
            place = match.end()

    def finish(self) -> list[Bar]:
        """All bars that hold something.

        Raises:
            MusicError: a chord or a broken rhythm is not finished, or there are no notes.
        """
        if self._chord is not None or self._next != 1:
            raise MusicError("the tune ends within a chord or a broken rhythm")
        self._end_bar()
        if not any(event.pitches for bar in self._bars for event in bar.events):
            raise MusicError("the tune has no notes")
        return self._bars

    # ------------------------------------------------------------------------------------------- tokens

    def _take(self, match: re.Match[str]) -> None:
        if match["letter"]:
            self._note(match)
        elif match["bar"]:
            self._bar_line(match["bar"], match["number"])
        elif match["rest"]:
            self._rest(match["rest"], match["rest_length"])
        elif match["tie"]:
            self._tie()
        elif match["broken"]:
            self._break(match["broken"])
        elif match["tuplet"]:
            self._begin_tuplet(int(match["tuplet"]), match["time"], match["span"])
        elif match["open"] or match["close"]:
            self._chord_bracket(match["chord_length"])
        elif match["field"]:
            self.change(match["field"], match["value"])
        elif match["ending"]:
            self._end_bar()
            self._bar.endings = _numbers(match["ending"])

    def _note(self, match: re.Match[str]) -> None:
        event = self._chord
        if event is None:
            event = self._add(_length(match["length"]))
        elif not event.pitches:
            event.duration *= _length(match["length"])  # a chord lasts as long as its first note
        letter = match["letter"].upper()
        octave = match["letter"].islower() + match["octave"].count("'") - match["octave"].count(",")
        alter = self._altered(letter, octave, match["sign"])
        pitch = 60 + _STEPS[letter] + 12 * octave + alter
        if not 0 <= pitch <= 127:
            raise MusicError(f"the note {match.group()!r} is beyond the range of MIDI")
        if pitch not in event.pitches:
            event.pitches.append(pitch)
        self._names[pitch] = (letter, octave, alter)

    def _altered(self, letter: str, octave: int, sign: str | None) -> int:
        if sign:
            self._signs[letter] = SIGNS[sign]
        elif (letter, octave) in self._held:
            return self._held[letter, octave]
        return self._signs.get(letter, dict(self.context.altered).get(letter, 0))

    def _add(self, length: Fraction) -> Event:
        self._held, self._tied, self._names = self._tied, {}, {}
        ratio, left = self._tuplet
        duration = self.context.length * length * self._next * (ratio if left else 1)
        self._tuplet = (ratio, max(left - 1, 0))
        self._next = Fraction(1)
        self._last = Event(duration, [], self.context)
        self._bar.events.append(self._last)
        return self._last

    def _rest(self, kind: str, length: str) -> None:
        if kind.islower():
            self._add(_length(length))
            return
        bar = self.context.bar
        if bar is None:
            raise MusicError(f"{kind} is a rest of whole bars, but the tune has no metre")
        self._last = Event(bar * _length(length), [], self.context)
        self._bar.events.append(self._last)

    def _tie(self) -> None:
        if self._last is None or not self._last.pitches:
            return  # a slur over a rest, as older ABC writes it
        tied = self._last.pitches[-1:] if self._chord is not None else self._last.pitches
        self._last.tied.update(tied)
        for letter, octave, alter in (self._names[pitch] for pitch in tied):
            self._tied[letter, octave] = alter

    def _break(self, signs: str) -> None:
        if self._last is None or self._chord is not None or len(signs) > _MOST_BROKEN:
            raise MusicError(f"{signs!r} must stand between two notes")
        short = Fraction(1, 2 ** len(signs))
        first, second = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        self._last.duration *= first
        self._next = second

    def _begin_tuplet(self, count: int, time: str | None, span: str | None) -> None:
        if count < 2:
            raise MusicError("a tuplet has two notes at least")
        of = int(time) if time else _TIMES.get(count, 3 if self.context.is_compound else 2)
        if not of:
            raise MusicError("a tuplet can't take no time")
        self._tuplet = (Fraction(of, count), int(span) if span else count)

    def _chord_bracket(self, length: str | None) -> None:
        if (length is None) == (self._chord is not None):
            raise MusicError("a bracket too many")
        if length is None:
            self._chord = self._add(Fraction(1))
            return
        if self._chord is None or not self._chord.pitches:
            raise MusicError("a chord without notes")
        self._chord.duration *= _length(length)
        self._chord = None

    # ------------------------------------------------------------------------------------------- bars

    def _bar_line(self, line: str, number: str | None) -> None:
        if self._chord is not None:
            raise MusicError("a bar line within a chord")
        closes = len(line) - len(line.lstrip(":")) if "|" in line else 1
        self._end_bar()
        if self._bars:
            self._bars[-1].closes = max(self._bars[-1].closes, closes)
            self._bars[-1].ends_section |= line.strip(":.") in ("||", "|]", "[|", "|||")
        self._bar.opens |= line.endswith(":")
        if number:
            self._bar.endings = _numbers(number)

    def _end_bar(self) -> None:
        self._signs = {}  # but what is tied on keeps its sharp or flat
        if self._bar.events:
            self._bars.append(self._bar)
            self._bar = Bar(part=self._bar.part)


def _length(text: str) -> Fraction:
    """`3` `3/2` `/2` `/` `//` → 3, 3/2, 1/2, 1/2, 1/4."""
    match = re.fullmatch(r"(\d{0,3})(?:/(\d{1,3})|(/*))", text)
    if not match:
        raise MusicError(f"the length {text!r} is not understood")
    above, below = int(match[1] or 1), int(match[2]) if match[2] else 2 ** len(match[3] or "")
    if not 1 <= above <= MOST or not 1 <= below <= MOST:
        raise MusicError(f"the length {text!r} is out of range")
    return Fraction(above, below)


def _numbers(text: str) -> frozenset[int]:
    """Passes of an ending: `1` `1,3` `1-3`."""
    numbers: set[int] = set()
    for part in re.split("[,.]", text.strip().lstrip("[")):
        first, _, last = part.partition("-")
        if first and len(first + last) < 3:
            numbers.update(range(int(first), int(last or first) + 1))
    if not numbers:
        raise MusicError(f"the ending {text.strip()!r} is not understood")
    return frozenset(numbers)
