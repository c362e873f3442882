"""Which voice sings which note of a chord: a piano roll doesn't say.

Voices never cross, every note is sung, and of all ways to do it the one in which the voices move least counts.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, combinations_with_replacement

import numpy as np

from speechgru.music.chorales import REST, VOICES, Parts
from speechgru.music.rolls import LOWEST, Roll, check

Chord = tuple[int, ...]


@lru_cache(maxsize=1 << 16)
def doubled(keys: Chord, before: Chord) -> Chord:
    """The pitch of each voice, the highest first, for up to as many `keys`: voices that are left double one of them.

    Args:
        before: what the voices sang last; REST: from nowhere. REST for all where there is no key.
    """
    if not keys:
        return (REST,) * len(before)
    choices = [
        tuple(sorted(voices, reverse=True))
        for voices in combinations_with_replacement(sorted(keys), len(before))
        if set(voices) == set(keys)
    ]
    return min(choices, key=lambda voices: moved(voices, before))


@lru_cache(maxsize=1 << 16)
def rested(keys: Chord, before: Chord) -> Chord:
    """The same, but voices that are left rest."""
    choices = []
    for places in combinations(range(len(before)), len(keys)):
        voices = [REST] * len(before)
        for place, key in zip(places, sorted(keys, reverse=True), strict=True):
            voices[place] = key
        choices.append(tuple(voices))
    return min(choices, key=lambda voices: moved(voices, before))


def moved(voices: Chord, before: Chord) -> int:
    """Semitones that the voices move together; one that rests or rested doesn't."""
    return sum(abs(now - then) for now, then in zip(voices, before, strict=True) if REST not in (now, then))


def in_voices(roll: Roll) -> Parts | None:
    """A roll [steps, 88] as four voices [steps, 4]; None where more than four keys sound at once.

    Three keys are four voices, two of them in unison, as mostly in chorales; of two and one, voices rest.
    """
    check(roll)
    if not len(roll) or roll.sum(axis=1).max() > len(VOICES):
        return None
    parts = np.full((len(roll), len(VOICES)), REST, dtype=np.int16)
    before: Chord = (72, 65, 58, 50)  # the middle of each voice's range
    for step, keys in enumerate(roll):
        chord = tuple(int(key) + LOWEST for key in np.flatnonzero(keys))
        seat = doubled if len(chord) >= len(VOICES) - 1 else rested
        parts[step] = seats = seat(chord, before)
        before = tuple(now if now != REST else then for now, then in zip(seats, before))
    return parts
