"""Keys: a tonic and a mode, read from what people write (`G`, `F# minor`, `Bbm`, `Ador`, `D Mixolydian`).

A key is one of the 15 signatures from seven flats to seven sharps, so G# major, which would need eight sharps, is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speechgru.errors import MusicError

# Fifths from the major mode's signature: C Dorian has the flats of B flat major, two fifths further down.
MODES = {
    "major": 0,
    "minor": -3,
    "dorian": -2,
    "phrygian": -4,
    "lydian": 1,
    "mixolydian": -1,
    "locrian": -5,
}
_SHORT = {"m": "minor", "": "major", "ion": "major", "aeo": "minor"} | {mode[:3]: mode for mode in MODES}
_LETTERS = "FCGDAEB"  # by fifths; a sharp more is seven further
_MOST = 7
_KEY = re.compile(r"([A-Ga-g])(##?|bb?|♯|♭)?[ _-]*([A-Za-z]*)")
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B")


@dataclass(frozen=True)
class Key:
    """`tonic` is a capital letter with `#` or `b`, `mode` one of MODES.

    Raises:
        MusicError: there is no such key.
    """

    tonic: str
    mode: str = "major"

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-G](#|b)?", self.tonic) or self.mode not in MODES:
            raise _unknown(f"{self.tonic} {self.mode}")
        if abs(self.fifths) > _MOST:
            kind = "sharps" if self.fifths > 0 else "flats"
            raise MusicError(
                f"There is no key {self.tonic} {self.mode}: it would need {abs(self.fifths)} {kind}. "
                f"Write {_spelled(self.fifths - 12 if self.fifths > 0 else self.fifths + 12, self.mode)}."
            )

    def __str__(self) -> str:
        return f"{self.tonic} {self.mode}"

    @property
    def fifths(self) -> int:
        """Sharps of its signature; flats are negative."""
        return _fifths_of(self.tonic) - 1 + MODES[self.mode]

    @property
    def tonic_class(self) -> int:
        """Pitch class of the tonic: 0 for C to 11 for B."""
        return (_fifths_of(self.tonic) - 1) * 7 % 12

    @property
    def scale(self) -> tuple[int, ...]:
        """Its seven pitch classes, the tonic first."""
        major = self.fifths * 7 % 12  # the tonic of the major key with the same signature
        classes = [(major + step) % 12 for step in _MAJOR]
        first = classes.index(self.tonic_class)
        return tuple(classes[first:] + classes[:first])

    @property
    def altered(self) -> dict[str, int]:
        """Letters that the signature alters: +1 sharp, -1 flat."""
        if self.fifths >= 0:
            return dict.fromkeys(_LETTERS[: self.fifths], 1)
        return dict.fromkeys(_LETTERS[self.fifths :], -1)

    @classmethod
    def of(cls, fifths: int, mode: str = "major") -> Key:
        """The key of a signature: 2 sharps, or -3, three flats.

        Raises:
            MusicError: there is no such key.
        """
        if abs(fifths) > _MOST or mode not in MODES:
            raise _unknown(f"{fifths} fifths, {mode}")
        return _spelled(fifths, mode)

    def transposed(self, semitones: int) -> Key:
        """The key `semitones` higher, spelt with at most six sharps or flats unless it is the same pitch class."""
        if semitones % 12 == 0:
            return self
        return _spelled((self.fifths + 7 * semitones + 5) % 12 - 5, self.mode)


def parse(text: str) -> Key:
    """Read a key: a letter, `#` or `b`, and a mode (its first three letters do, `m` is minor, nothing is major).

    Raises:
        MusicError: it names no key.
    """
    match = _KEY.fullmatch(text.strip())
    if not match:
        raise _unknown(text)
    letter, accidental, word = match.groups()
    mode = _SHORT.get("m" if word == "m" else word.lower()[:3]) if word != "M" else "major"
    # `Bn` and the like are no short forms of anything.
    if mode is None or not (len(word) in (0, 1) or len(word) >= 3):
        raise _unknown(text)
    sign = {"♯": "#", "♭": "b", None: ""}.get(accidental, accidental or "")
    if len(sign) > 1:
        raise _unknown(text)
    return Key(letter.upper() + sign, mode)


def pitch_name(pitch: int) -> str:
    """`C4` for MIDI pitch 60; black keys as they are spelt most often."""
    return f"{class_name(pitch)}{pitch // 12 - 1}"


def class_name(pitch: int) -> str:
    """`C` for MIDI pitches 0, 12, 24, ...; otherwise as `pitch_name`."""
    return _NAMES[pitch % 12]


def _fifths_of(tonic: str) -> int:
    """0 for F, 1 for C, ...; seven more for a sharp."""
    return _LETTERS.index(tonic[0]) + 7 * (tonic.count("#") - tonic[1:].count("b"))


def _spelled(fifths: int, mode: str) -> Key:
    place = fifths + 1 - MODES[mode]
    octave, letter = divmod(place, 7)
    return Key(_LETTERS[letter] + ("#" * octave if octave >= 0 else "b" * -octave), mode)


def _unknown(text: str) -> MusicError:
    return MusicError(
        f"There is no key {text.strip()!r}. Expected a letter from A to G, # or b if need be, and a mode "
        f"({', '.join(MODES)}): G, F# minor, Bbm, D dorian."
    )
