"""Which pitch classes may sound: a key's own scale, or another one on its tonic."""

from __future__ import annotations

import re
from dataclasses import dataclass

from speechgru.errors import MusicError
from speechgru.music.score import keys
from speechgru.music.score.keys import MODES, Key
from speechgru.utils.plugins import unknown

_STEPS = {
    "harmonic-minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic-minor": (0, 2, 3, 5, 7, 9, 11),
    "whole-tone": (0, 2, 4, 6, 8, 10),
    "chromatic": tuple(range(12)),
}
# On a tonic with a major third, and with a minor one.
_BY_THIRD = {
    "pentatonic": ((0, 2, 4, 7, 9), (0, 3, 5, 7, 10)),
    "blues": ((0, 2, 3, 4, 7, 9), (0, 3, 5, 6, 7, 10)),
}
NAMES = (*MODES, *_BY_THIRD, *_STEPS)
EVERY = tuple(range(12))
_MINOR_THIRD = 3
_PITCH = re.compile(r"([A-Ga-g])(##|bb|[#b♯♭])?(-?\d+)")
_TONIC = re.compile("[A-Ga-g][#b♯♭]?")
_ALTERED = {"#": 1, "♯": 1, "##": 2, "b": -1, "♭": -1, "bb": -2}


@dataclass(frozen=True)
class Scale:
    """`key`, None where none was asked for, and the pitch `classes` that may sound, 0 for C."""

    key: Key | None
    classes: tuple[int, ...]


FREE = Scale(None, EVERY)


def scale(key: str | None, name: str | None = None) -> Scale:
    """What `--key` and `--scale` mean together.

    A key alone allows its seven notes (a minor key's those of natural minor). A scale takes the key's tonic; if it is
    a mode, the key is then in this mode. Pentatonic and blues follow the key's third.

    Raises:
        MusicError: there is no such key or scale, or a scale other than chromatic has no tonic.
    """
    if name is not None and name not in NAMES:
        raise MusicError(unknown("scale", name, NAMES))
    if key is None:
        if name not in (None, "chromatic"):
            raise MusicError(f"The scale {name} needs a tonic. Give a key too, such as D.")
        return FREE
    if name in MODES and _TONIC.fullmatch(key.strip()):
        key = f"{key} {name}"  # there is G# minor, but no G# major
    tonality = keys.parse(key)
    if name in MODES:
        tonality = Key(tonality.tonic, name)
    if name is None or name in MODES:
        return Scale(tonality, tonality.scale)
    minor = (tonality.scale[2] - tonality.tonic_class) % 12 == _MINOR_THIRD
    steps = _BY_THIRD[name][minor] if name in _BY_THIRD else _STEPS[name]
    return Scale(tonality, tuple((tonality.tonic_class + step) % 12 for step in steps))


def pitch(text: str) -> int:
    """The MIDI pitch of a note's name: 60 for `C4`, 61 for `C#4` and `Db4`; `Cb4` is 59.

    Raises:
        MusicError: it is no name of a note, or lies outside of 0 to 127.
    """
    match = _PITCH.fullmatch(text)
    if not match:
        raise MusicError(
            f"{text!r} is no note. Expected a letter, # or b if need be, and an octave: C4, F#3, Bb5."
        )
    letter, sign, octave = match.groups()
    if len(octave) > 3:
        raise MusicError(f"{text} is no pitch that MIDI knows; expected C-1 to G9.")
    number = keys.Key(letter.upper()).tonic_class + _ALTERED.get(sign, 0) + 12 * (int(octave) + 1)
    if not 0 <= number <= 127:
        raise MusicError(f"{text} is no pitch that MIDI knows; expected C-1 to G9.")
    return number


def pitch_range(text: str) -> tuple[int, int]:
    """Lowest and highest pitch of `C3-C6`.

    Raises:
        MusicError: it is no range.
    """
    ends = re.fullmatch(rf"({_PITCH.pattern})-({_PITCH.pattern})", text.replace(" ", ""))
    if not ends:
        raise MusicError(f"{text!r} is no range. Expected the lowest and the highest note: C3-C6.")
    low, high = pitch(ends[1]), pitch(ends[5])
    if low > high:
        raise MusicError(
            f"The range {text} has its lowest note above its highest. Write {ends[5]}-{ends[1]}."
        )
    return low, high
