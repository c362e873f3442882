"""New pieces from a model of piano rolls.

Time goes in steps. How many are in a beat is a fact of the corpus: JSB chorales 1 (their
median length is 57 steps, that of the same chorales in sixteenths 228), the other benchmark sets 2.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.generation import continuation, transposition
from speechgru.music.generation.request import BARS, Request, keys_of, metre_of
from speechgru.music.generation.sample_rolls import FREE, RollSampling, sample_rolls
from speechgru.music.models.roll_model import RollModel
from speechgru.music.models.sampling import OnProgress
from speechgru.music.score import piano_roll, voices
from speechgru.music.score.chorale import VOICES, from_parts
from speechgru.music.score.keys import Key, class_name, pitch_name
from speechgru.music.score.notes import NoteSequence
from speechgru.music.score.piano_roll import HIGHEST, KEYS, LOWEST, Roll

TEMPERATURE = 1.0
CHOIR = 40, 81
"""E2 to A5, bass to soprano."""


class RollComposer:
    """Composer with a model of piano rolls."""

    temperature = TEMPERATURE

    def __init__(self, model: RollModel) -> None:
        self.model, self.header = model, model.header
        self.corpora, self.facts = model.header.corpora, model.header.facts
        self.steps_per_beat = self.facts.steps_per_beat

    def compose(
        self, request: Request, count: int = 1, on_progress: OnProgress | None = None
    ) -> list[NoteSequence]:
        """See `compose.Composer`. The primer's notes stay as they are, whatever the model gets of them
        (continuation.py). Later on a key that is struck again at once sounds on. In the last beat only the tonic's
        triad may sound, where the key is known. Where the model knows four voices, so many keys sound at most (unless
        `top_k` says otherwise), within the range of a choir (unless a range is asked for), and are dealt out to
        them; of others the notes have one voice."""
        key = self._key(request)
        up, steps = self.semitones(key), self.steps(request)
        given = _moved(request.primer, up)
        start = (
            continuation.roll_of(given, self.steps_per_beat) if given else np.zeros((0, KEYS), dtype=np.uint8)
        )
        if self.sings:
            request = in_choir(replace(request, top_k=request.top_k or len(VOICES)))
        rolls = sample_rolls(
            self.model,
            steps,
            count,
            options=sampling(request, up),
            fixed=self._last_chord(steps, key, up) if key else None,
            primer=start,
            on_progress=on_progress,
        )
        return [_dressed(self._piece(roll, len(start), request, up), request) for roll in rolls]

    def remark(self, request: Request) -> str:
        """See `compose.Composer`."""
        given = _moved(request.primer, self.semitones(self._key(request)))
        return continuation.losses(given, self.steps_per_beat) if given else ""

    def _key(self, request: Request) -> Key | None:
        return request.scale.key or (transposition.key_of(request.primer) if request.primer else None)

    def _last_chord(self, steps: int, key: Key, up: int) -> NDArray[np.int8]:
        """What is given of [steps, 88]: in the last beat keys outside the tonic's triad are silent."""
        fixed = np.full((steps, KEYS), FREE, dtype=np.int8)
        triad = [(key.scale[place] + up) % 12 for place in (0, 2, 4)]
        fixed[-self.steps_per_beat :, ~np.isin(np.arange(LOWEST, HIGHEST + 1) % 12, triad)] = 0
        return fixed

    def semitones(self, key: Key | None) -> int:
        """How far music in `key` is moved up before the model gets it (transposition.py)."""
        return transposition.semitones(self.facts, key)

    @property
    def sings(self) -> bool:
        """Whether the model knows four voices."""
        return self.facts.voices == len(VOICES)

    def _piece(self, roll: Roll, begun: int, request: Request, up: int) -> NoteSequence:
        """What a roll [steps, 88] sounds like that lies `up` semitones above; its first `begun` steps are the primer's,
        whose own notes stand for them."""
        parts = voices.in_voices(roll, up) if self.sings else None
        if parts is None:
            drawn = piano_roll.from_roll(roll[begun:], self.steps_per_beat, qpm=request.tempo)
        else:
            drawn = from_parts(parts[begun:], self.steps_per_beat, request.tempo)
        drawn, given = drawn.transposed(-up), request.primer
        if given is None:
            return drawn
        return continuation.continued(
            voices.in_parts(given) if parts is not None else given, drawn, begun / self.steps_per_beat
        )

    def steps(self, request: Request) -> int:
        """Time steps of the piece."""
        if request.steps:
            return request.steps
        return math.ceil((request.bars or BARS) * metre_of(request).bar * self.steps_per_beat)


def _moved(primer: NoteSequence | None, up: int) -> NoteSequence | None:
    """A primer where the model knows it, `up` semitones above."""
    if primer is None:
        return None
    continuation.check(primer, LOWEST - up, HIGHEST - up)
    return primer.transposed(up)


def in_choir(request: Request) -> Request:
    """Within the range of a choir, unless a range is asked for."""
    if (request.lowest, request.highest) != (0, 127):
        return request
    return replace(request, lowest=CHOIR[0], highest=CHOIR[1])


def sampling(request: Request, up: int = 0) -> RollSampling:
    """How a roll is drawn that lies `up` semitones above where it sounds.

    Raises:
        MusicError: a value outside its range; no key of the piano is in range and scale.
    """
    lowest, highest = max(request.lowest + up, LOWEST), min(request.highest + up, HIGHEST)
    classes = tuple((place + up) % 12 for place in request.scale.classes)
    if not any(pitch % 12 in classes for pitch in range(lowest, highest + 1)):
        notes = " ".join(map(class_name, sorted(request.scale.classes)))
        raise MusicError(
            f"No key that the model knows lies within {pitch_name(request.lowest)} to {pitch_name(request.highest)} "
            f"and is one of {notes}. Widen the range or the scale."
        )
    temperature = TEMPERATURE if request.temperature is None else request.temperature
    return RollSampling(temperature, request.top_k, request.top_p, request.seed, lowest, highest, classes)


def _dressed(piece: NoteSequence, request: Request) -> NoteSequence:
    """With the key and the metre that are known."""
    keys, metres = keys_of(request), (replace(metre_of(request), beat=0.0),)
    return replace(piece, keys=keys, metres=metres)
