"""The tokens of music (see tokens.py): which there are, and which may follow which."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.score.keys import MODES
from speechgru.music.score.piano_roll import HIGHEST, LOWEST, check_steps

VELOCITY = 80
"""Of all notes without tokens of velocity."""
MOST_NUMERATOR = 16
_UNITS = (1, 2, 4, 8, 16)
BODY = frozenset({"END", "BAR", "SHIFT", "METRE", "SIGNATURE", "VOICE", "VELOCITY", "NOTE"})
_AFTER = {
    "START": BODY,
    "END": frozenset[str](),
    "BAR": BODY,
    "SHIFT": BODY,
    "METRE": {"UNIT"},
    "UNIT": BODY,
    "SIGNATURE": {"MODE"},
    "MODE": BODY,
    "VOICE": {"VELOCITY", "NOTE"},
    "VELOCITY": {"NOTE"},
    "NOTE": {"DURATION"},
    "DURATION": BODY,
}


@dataclass(frozen=True)
class Settings:
    """Which tokens there are: a grid of `steps_per_beat`, pitches from `lowest` to `highest`, a `longest` DURATION and
    SHIFT in steps, bins of `velocities` (0: none), `voices` (1: no tokens of voices), and whether there are bar lines.

    Raises:
        MusicError: a value is outside its range.
    """

    steps_per_beat: int = 12
    lowest: int = LOWEST
    highest: int = HIGHEST
    longest: int = 48
    velocities: int = 0
    voices: int = 1
    bars: bool = True

    def __post_init__(self) -> None:
        check_steps(self.steps_per_beat)
        ranges = {
            "lowest": (0, self.highest),
            "highest": (self.lowest, 127),
            "longest": (1, 1024),
            "velocities": (0, 127),
            "voices": (1, 64),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise MusicError(
                    f"{name} of an event encoding must be {least} to {most}; got {getattr(self, name)}."
                )

    @property
    def units(self) -> list[int]:
        """Lower numbers of metres whose bars are whole steps."""
        return [unit for unit in _UNITS if 4 * self.steps_per_beat % unit == 0]


def vocabulary(settings: Settings) -> list[str]:
    """All tokens, in the order of their numbers."""

    def some(kind: str, values: Iterable[object]) -> list[str]:
        return [f"{kind} {value}" for value in values]

    return [
        "START",
        "END",
        *(["BAR"] if settings.bars else []),
        *some("NOTE", range(settings.lowest, settings.highest + 1)),
        *some("DURATION", range(1, settings.longest + 1)),
        *some("SHIFT", range(1, settings.longest + 1)),
        *some("VELOCITY", range(settings.velocities)),
        *some("VOICE", range(settings.voices) if settings.voices > 1 else ()),
        *some("METRE", range(1, MOST_NUMERATOR + 1)),
        *some("UNIT", settings.units),
        *some("SIGNATURE", range(-7, 8)),
        *some("MODE", MODES),
    ]


def grammar(tokens: Sequence[str], longest: int) -> NDArray[np.bool_]:
    """Whether a token (second axis) may come right after another (first axis): [tokens, tokens]."""
    kinds = [token.split()[0] for token in tokens]
    table = np.array([[after in _AFTER[kind] for after in kinds] for kind in kinds])
    table[tokens.index(f"DURATION {longest}")] |= np.array([kind == "DURATION" for kind in kinds])
    return table


def velocity_bin(velocity: int, bins: int) -> int:
    """1 to 127 → 0 to bins - 1."""
    return (velocity - 1) * bins // 127


def bin_velocity(bin_: int, bins: int) -> int:
    """The middle velocity of a bin."""
    first, last = (math.ceil(edge * 127 / bins) for edge in (bin_, bin_ + 1))
    return 1 + (first + last - 1) // 2


def rounded_velocity(velocity: int, bins: int) -> int:
    """The velocity that stands for `velocity`: the middle of its bin, or VELOCITY where there are no bins."""
    return bin_velocity(velocity_bin(velocity, bins), bins) if bins else VELOCITY
