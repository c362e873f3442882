"""What a choir can sing, while a chorale is drawn: each voice keeps to the range by which voice_leading.py judges it.

Keys are drawn from the lowest up, so it isn't known yet who sings one. The lowest key is the bass's in any case. The
next is the tenor's, or the alto's if no third comes; a third is the alto's, and comes only above a key that the tenor
can sing. So there are always voices for what was drawn.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.score.chorale import REST, VOICES
from speechgru.music.score.keys import pitch_name
from speechgru.music.score.notes import NoteSequence
from speechgru.music.score.piano_roll import KEYS
from speechgru.music.score.voice_leading import RANGES
from speechgru.music.score.voices import Chord, moved

SOPRANO = RANGES[0]
_OCTAVE = 12


class KeyRanges:
    """Which keys may sound as the first, second and third from below, where key 0 sounds as pitch `lowest`.

    Raises:
        MusicError: a voice has no key of those that are `allowed` [88].
    """

    def __init__(self, allowed: NDArray[np.bool_], lowest: int) -> None:
        pitches = np.arange(KEYS) + lowest
        masks = []
        for voice, (low, high) in list(zip(VOICES, RANGES, strict=True))[1:]:
            masks.append(allowed & (low <= pitches) & (pitches <= high))
            if not masks[-1].any():
                raise MusicError(
                    f"No note of the {voice}, {_named(low, high)}, lies within the range and the scale. Widen them."
                )
        alto, self.tenor, bass = masks
        self.by_place = np.stack([bass, self.tenor | alto, alto])

    def may(self, key: int, below: NDArray[np.int64], highest: NDArray[np.int64]) -> NDArray[np.bool_]:
        """In which pieces [pieces] `key` may sound, with so many keys `below` it, of which `highest` is the highest."""
        may: NDArray[np.bool_] = self.by_place[np.minimum(below, 2), key]
        return may & ((below < 2) | self.tenor[highest])


@lru_cache(maxsize=1 << 16)
def assign(keys: Chord, before: Chord) -> Chord:
    """The pitch of alto, tenor and bass for up to three `keys` that `KeyRanges` let sound: each is sung, no voice
    leaves its range, and they move least. Voices that are left double a key; one that can't reach any rests."""
    choices = [
        voices
        for voices in product(*((REST, *(k for k in keys if low <= k <= high)) for low, high in RANGES[1:]))
        if set(voices) - {REST} == set(keys) and _is_falling(voices)
    ]
    return min(choices, key=lambda voices: (voices.count(REST), moved(voices, before)))


def _is_falling(voices: Chord) -> bool:
    sung = [pitch for pitch in voices if pitch != REST]
    return sung == sorted(sung, reverse=True)


def check(melody: NoteSequence) -> None:
    """Refuse a melody that no soprano sings: below one that she does, three voices have room.

    Raises:
        MusicError: a note lies outside of her range; the message says how far to move the melody.
    """
    pitches = [note.pitch for note in melody.pitched()]
    low, high = min(pitches), max(pitches)
    if SOPRANO[0] <= low and high <= SOPRANO[1]:
        return
    octaves = -((low - SOPRANO[0]) // _OCTAVE)  # the fewest that bring the lowest note up to hers
    up = octaves * _OCTAVE
    advice = "No octave has room for all of it; leave out its lowest or highest notes."
    if high + up <= SOPRANO[1]:
        advice = f"Move it by an octave or more, here by {up:+} semitones (music convert --transpose {up})."
    raise MusicError(
        f"The melody has notes from {_named(low, high)}; expected a soprano's, {_named(*SOPRANO)}: three voices then "
        f"have room below it. {advice}"
    )


def _named(low: int, high: int) -> str:
    return f"{pitch_name(low)} to {pitch_name(high)}"
