"""Chorales in JSON files, as in czhuang/JSB-Chorales-dataset: train, valid and test, each a list of pieces, each a list
of steps, each with up to four pitches.

The files of that collection differ. Those in eighths and sixteenths keep the voices, the soprano first. The one in
quarters is the benchmark's piano rolls (JSB_Chorales.mat, pitch for pitch): at each step the keys that are down, the
lowest first, two voices in unison as one key, and all of it an octave above a choir. No file says how long a step is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.errors import MusicError
from speechgru.music.score.chorale import REST, SPLITS, VOICES, Parts
from speechgru.music.score.voices import MIDDLES, assigned, in_order, in_unison
from speechgru.utils import json_text

STEPS_PER_BEAT = 4
"""Where the file's name doesn't say: the voices are kept best in sixteenths."""
_NAMED = {"quarter": 1, "8th": 2, "16th": 4}
_UNIT_IN_NAME = re.compile(rf"(?:^|[^0-9a-z])({'|'.join(_NAMED)})$", re.IGNORECASE)
_OCTAVE = 12
_TOO_HIGH = MIDDLES[0] + _OCTAVE / 2
"""Half of the tops above this: nearer to an octave above the soprano's middle than to it."""

Steps = list[list[int]]
"""The pitches of each step, in the file's order."""


@dataclass(frozen=True, eq=False)
class Chorales:
    """What a file holds: the pieces of each of SPLITS, [steps, voices] from soprano to bass, how many of their steps
    are in a beat, and what was made of the file that it doesn't say."""

    sets: dict[str, list[Parts]]
    steps_per_beat: int
    remarks: tuple[str, ...] = ()


def read(path: str | Path) -> Chorales:
    """The chorales of a JSON file. A rest is NaN, -1, or left out.

    Whether the soprano or the bass comes first is what most steps of the file say. Steps in a beat are by the end of
    the file's name: -quarter, -8th, -16th; STEPS_PER_BEAT for another.

    Raises:
        MusicError: the file can't be read, or holds something else.
    """
    sets = _load(path)
    every = [pitches for pieces in sets.values() for piece in pieces for pitches in piece]
    bass_first = _is_bass_first(every)
    steps, remark = _steps_per_beat(path)
    remarks = [remark] if remark else []
    if not (bass_first and all(_are_keys(pitches) for pitches in every)):
        voices = {name: [_in_voices(piece, bass_first) for piece in pieces] for name, pieces in sets.items()}
        return Chorales(voices, steps, tuple(remarks))
    down = _octave_above(every)
    if down:
        remarks.append(
            f"{path} lies an octave above a choir, as the benchmark's rolls do: read an octave lower."
        )
    lowered = {
        name: [in_unison([tuple(pitch - down for pitch in pitches) for pitches in piece]) for piece in pieces]
        for name, pieces in sets.items()
    }
    return Chorales(lowered, steps, tuple(remarks))


def _steps_per_beat(path: str | Path) -> tuple[int, str]:
    """By the file's name; and what is to be known where it doesn't say."""
    unit = _UNIT_IN_NAME.search(Path(path).stem)
    if unit:
        return _NAMED[unit[1].lower()], ""
    return STEPS_PER_BEAT, (
        f"{path} doesn't say how long a step is: taken as a 16th. End its name with -quarter or -8th if it is one."
    )


def _is_bass_first(every: Sequence[list[int]]) -> bool:
    """Do more steps rise than fall, from the first pitch to the last? Outer voices cross now and then."""
    ends = [(sung[0], sung[-1]) for sung in _sung(every)]
    return sum(first < last for first, last in ends) > sum(first > last for first, last in ends)


def _sung(every: Sequence[list[int]]) -> Iterator[list[int]]:
    """Steps without their rests, those that have a pitch."""
    for pitches in every:
        sung = [pitch for pitch in pitches if pitch != REST]
        if sung:
            yield sung


def _are_keys(pitches: list[int]) -> bool:
    """Can this be a step of a piano roll: are the pitches sorted, each once, without rests?"""
    return REST not in pitches and all(a < b for a, b in pairwise(pitches))


def _octave_above(every: Sequence[list[int]]) -> int:
    """Semitones that a roll lies above a choir: an octave or none."""
    sung = [pitches for pitches in every if pitches]
    high = np.median([pitches[-1] for pitches in sung]) > _TOO_HIGH
    return _OCTAVE if high and min(pitches[0] for pitches in sung) >= _OCTAVE else 0


def _in_voices(piece: Steps, bass_first: bool) -> Parts:
    """Steps that keep the voices: a rest for each that was left out."""
    return assigned([tuple(pitches[::-1] if bass_first else pitches) for pitches in piece], in_order)


# ------------------------------------------------------------------------------------------------ what the file holds


def _load(path: str | Path) -> dict[str, list[Steps]]:
    expected = (
        f"Expected JSON with {', '.join(SPLITS)}: lists of chorales, lists of steps of up to four pitches."
    )
    try:
        data = json_text.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise MusicError(f"Can't read {path}: {error.strerror}. {expected}") from error
    except ValueError as error:
        raise MusicError(f"{path} is no JSON ({error}). {expected}") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(name), list) for name in SPLITS):
        raise MusicError(f"{path} does not hold the three sets. {expected}")
    return {
        name: [_steps(piece, f"{path}, {name} {index}") for index, piece in enumerate(data[name])]
        for name in SPLITS
    }


def _steps(piece: Any, where: str) -> Steps:
    if not isinstance(piece, list) or not piece:
        raise MusicError(f"{where}: expected a list of steps, one or more.")
    return [_pitches(pitches, f"{where}, step {step}") for step, pitches in enumerate(piece)]


def _pitches(values: Any, where: str) -> list[int]:
    if not isinstance(values, list) or len(values) > len(VOICES):
        raise MusicError(f"{where}: expected up to {len(VOICES)} pitches; got {str(values)[:40]}.")
    pitches = []
    for value in values:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise MusicError(f"{where}: expected pitches; got {str(value)[:40]!r}.")
        is_rest = value != value or value == REST
        if not is_rest and not (0 <= value <= 127 and value == int(value)):
            raise MusicError(f"{where}: {value} is no pitch; expected 0 to 127.")
        pitches.append(REST if is_rest else int(value))
    return pitches
