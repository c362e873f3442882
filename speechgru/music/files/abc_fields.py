"""The information fields of ABC that music depends on: key, metre, unit length, tempo (ABC standard 2.1, section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from speechgru.errors import MusicError
from speechgru.music.score import keys
from speechgru.music.score.keys import Key

SIGNS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
MOST = 256
"""Lengths are fractions of numbers up to this: a broken tune must not ask for hours of one note."""

_CLEFS = re.compile(
    r"\b(?:(?:clef|octave|middle|transpose|stafflines|shift|style|score|sound|[mt])=|treble|bass|alto|tenor|perc|none)\S*",
    re.IGNORECASE,
)
_TONIC = re.compile(r"([A-G](?:#|b)?)\s*([A-Za-z]*)")
_ACCIDENTAL = re.compile(r"(\^\^|\^|__|_|=)([A-Ga-g])")


@dataclass(frozen=True)
class Context:
    """What holds where a note stands. `altered`: letters with their sharps or flats, from the key. `metre` as
    numerator and denominator, `unit` the unit length in whole notes, `qpm` quarter notes a minute; None: not said."""

    key: Key | None = None
    altered: tuple[tuple[str, int], ...] = ()
    metre: tuple[int, int] | None = None
    unit: Fraction | None = None
    qpm: float | None = None

    @property
    def bar(self) -> Fraction | None:
        """Whole notes in a bar."""
        return Fraction(*self.metre) if self.metre else None

    @property
    def length(self) -> Fraction:
        """Whole notes of a note without a length: a sixteenth in metres below 3/4, else an eighth."""
        if self.unit is not None:
            return self.unit
        return Fraction(1, 16) if self.bar is not None and self.bar < Fraction(3, 4) else Fraction(1, 8)

    @property
    def is_compound(self) -> bool:
        """Whether beats are divided in three, as in 6/8."""
        return self.metre is not None and self.metre[0] in (3, 6, 9, 12) and self.metre[1] >= 8

    def changed(self, letter: str, value: str) -> Context:
        """After the field `letter`; the same where the field is of no matter to music.

        Raises:
            MusicError: the value makes no sense.
        """
        value = value.strip()
        if letter == "K":
            return self._in_key(value)
        if letter == "M":
            return replace(self, metre=_metre(value))
        if letter == "L":
            return replace(self, unit=_fraction(value, "unit length"))
        if letter == "Q":
            return replace(self, qpm=self._tempo(value))
        return self

    def _in_key(self, value: str) -> Context:
        if value[:2] in ("HP", "Hp"):  # the Highland pipes
            key = Key("A", "mixolydian")
            return replace(self, key=key, altered=tuple(key.altered.items()))
        value = _CLEFS.sub("", value).strip()
        key_found = _TONIC.match(value)
        rest = value[key_found.end() :] if key_found else value
        extra = {letter.upper(): SIGNS[sign] for sign, letter in _ACCIDENTAL.findall(rest)}
        if _ACCIDENTAL.sub("", rest).replace("exp", "").strip():
            raise MusicError(f"the key {value!r} is not understood")
        if not key_found:
            return replace(self, key=None, altered=tuple(extra.items()))
        is_explicit = key_found[2] == "exp"  # the accidentals that follow are all there are
        key = keys.parse(key_found[1] + ("" if is_explicit else key_found[2]))
        altered = extra if is_explicit else key.altered | extra
        return replace(self, key=key, altered=tuple(altered.items()))

    def _tempo(self, value: str) -> float | None:
        value = re.sub(r'"[^"]*"', "", value).strip()
        if not value:
            return None
        beats, _, number = value.rpartition("=")
        if not re.fullmatch(r"\d{1,4}(\.\d+)?", number.strip()) or float(number) == 0:
            raise MusicError(f"the tempo {value!r} is not understood; expected one like 1/4=120")
        lengths = [_fraction(part, "tempo") for part in beats.replace("C", "").split()]
        return float(sum(lengths, Fraction(0)) or self.length) * 4 * float(number)


def _metre(value: str) -> tuple[int, int] | None:
    if value.lower() in ("none", ""):
        return None
    common = {"C": (4, 4), "C|": (2, 2)}
    if value in common:
        return common[value]
    match = re.fullmatch(r"\(?\s*(\d{1,2}(?:\s*\+\s*\d{1,2})*)\s*\)?\s*/\s*(\d{1,2})", value)
    beats = sum(map(int, match[1].split("+"))) if match else 0
    if not match or not 1 <= beats <= 64 or int(match[2]) not in (1, 2, 4, 8, 16, 32, 64):
        raise MusicError(f"the metre {value!r} is not understood; expected one like 6/8, C or C|")
    return beats, int(match[2])


def _fraction(value: str, what: str) -> Fraction:
    match = re.fullmatch(r"(\d{1,3})(?:\s*/\s*(\d{1,3}))?", value.strip())
    if not match or not 1 <= int(match[1]) <= MOST or not 1 <= int(match[2] or 1) <= MOST:
        raise MusicError(f"the {what} {value!r} is not understood; expected a fraction like 1/8")
    return Fraction(int(match[1]), int(match[2] or 1))
