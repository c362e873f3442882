"""A chorale for a melody: the soprano is given, three lower voices are drawn so that the whole is what the model finds
likely, what is still to come included.

A model of chorales predicts each step key by key, the lowest first. So the lower voices can be drawn from it, and how
likely the melody's note (and silence above) then is comes out of the same pass. Drawn once, they know nothing of where
the melody goes. Sequential Monte Carlo (Gordon, Salmond and Smith 1993; Doucet and Johansen 2009) makes up for it:
`particles` pieces grow side by side; after each step a piece has the weight

    w <- w * p(melody's note, silence above | lower voices, all before) * exp(-FAULT * faults - MISSING * missing)

and where few pieces hold most of the weight (effective number below half), new ones are drawn in proportion to it
(systematic resampling), whole pieces with their past. So a chord stays if what it leads to fits the melody: that is the
look-ahead. With many particles and both costs 0 it draws from the model's distribution given the melody.

A roll holds no unisons: where fewer than three lower keys sound, the voice doubles a note that moves least. Each voice
keeps to its range (vocal_ranges.py).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.errors import CheckpointError, MusicError
from speechgru.music.files import primer
from speechgru.music.generation import transposition
from speechgru.music.generation.request import Request
from speechgru.music.generation.roll_composer import RollComposer, in_choir, sampling
from speechgru.music.generation.sample_rolls import FREE, RollSampling, view_of
from speechgru.music.generation.token_composer import TokenComposer
from speechgru.music.models.roll_inputs import RollHistory
from speechgru.music.models.sampling import OnProgress
from speechgru.music.score import chorale, vocal_ranges, voice_leading
from speechgru.music.score.chorale import REST, VOICES
from speechgru.music.score.notes import KeyChange, NoteSequence
from speechgru.music.score.piano_roll import HIGHEST, KEYS, LOWEST, Roll

PARTICLES = 64
FAULT = 1.5
"""Nats that a fault of voice leading costs (voice_leading.py)."""
MISSING = 2.0
"""Nats that each lower voice costs that doubles another's note; twice that if it can't sing any and rests."""
OFF_TONIC = 4.0
"""Nats that it costs to end with another bass than the key's tonic, if the melody's last note is of its triad."""
LOWER = len(VOICES) - 1
MOST_STEPS = 4000

Weights = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """A melody on the grid. `top` [steps]: the pitch at each step, REST where it is silent; `floor` [steps]: the lowest
    pitch that sounds within the step (an eighth note between two quarters), where it is silent that before or after."""

    top: NDArray[np.int64]
    floor: NDArray[np.int64]


def harmonize(
    composer: RollComposer | TokenComposer,
    melody: NoteSequence,
    request: Request,
    number: int = 0,
    particles: int = PARTICLES,
    on_progress: OnProgress | None = None,
) -> NoteSequence:
    """Soprano, alto, tenor, bass for a melody, as voices 0 to 3: voice 0 is the melody, note by note as it was given.

    Range and scale of `request` hold for the lower voices, within the range of each; its steps, bars and primer mean
    nothing here.

    Args:
        melody: of several notes at once the highest counts.
        number: another one, another harmony.

    Raises:
        CheckpointError: no model of chorales.
        MusicError: no note, or one that no soprano sings; a range or scale that leaves a voice nothing to sing; as
            `roll_composer.sampling`.
    """
    if not isinstance(composer, RollComposer) or not composer.sings:
        learnt = ", ".join(composer.corpora) or "something else"
        raise CheckpointError(
            f"Harmonising needs a model of chorales in four voices; this one learnt from {learnt}. Train one: "
            "speechgru train jsb_chorales corpus.root=DATA, then pass --model runs/jsb_chorales/best.safetensors."
        )
    melody = primer.melody(melody)
    vocal_ranges.check(melody)
    wait = _whole_steps(melody, composer.steps_per_beat)
    line = on_grid(_later(melody, -wait), composer.steps_per_beat)
    key = request.scale.key or transposition.key_of(melody)
    up = composer.semitones(key)
    if len(line.top) > MOST_STEPS:
        raise MusicError(
            f"The melody has {len(line.top)} steps; up to {MOST_STEPS} are harmonised at once. Cut it."
        )
    options = replace(sampling(in_choir(request), up), top_k=LOWER)
    last = melody.notes[-1].pitch % 12
    tonic = key.tonic_class if key and last in [key.scale[place] for place in (0, 2, 4)] else None
    lower = _Search(composer, line, options, up, number, particles, tonic).run(on_progress)
    parts = np.concatenate([np.full((len(lower), 1), REST), lower], axis=1).astype(np.int16)
    qpm = melody.tempos[0].qpm if request.qpm is None else request.qpm
    below = _later(chorale.from_parts(parts, composer.steps_per_beat, qpm), wait)
    keys, metres = melody.keys, (request.metre,) if request.metre else melody.metres
    if request.scale.key:
        keys = (KeyChange(0.0, request.scale.key),)
    return replace(below, notes=(*melody.notes, *below.notes), keys=keys, metres=metres)


def _whole_steps(melody: NoteSequence, steps_per_beat: int) -> float:
    """Beats of the silence before the first note, as far as it fills steps: nobody sings in it."""
    return int(melody.notes[0].start * steps_per_beat + 1e-9) / steps_per_beat if melody.notes else 0.0


def _later(piece: NoteSequence, beats: float) -> NoteSequence:
    """Its notes alone, moved in time."""
    notes = tuple(replace(note, start=note.start + beats, end=note.end + beats) for note in piece.notes)
    return NoteSequence(notes, piece.tempos[:1], length=max(piece.length + beats, 0.0))


def on_grid(melody: NoteSequence, steps_per_beat: int) -> Line:
    """A melody of one voice step by step; of several notes within a step the first is the step's.

    Raises:
        MusicError: there is no note.
    """
    if not melody.notes:
        raise MusicError("There is no note to harmonise.")
    steps = math.ceil(melody.length * steps_per_beat - 1e-9)
    top, floor = np.full(steps, REST), np.full(steps, HIGHEST + 1)
    for note in melody.notes:
        first = int(note.start * steps_per_beat + 1e-9)
        for step in range(first, max(math.ceil(note.end * steps_per_beat - 1e-9), first + 1)):
            top[step] = note.pitch if top[step] == REST else top[step]
            floor[step] = min(floor[step], note.pitch)
    known = np.flatnonzero(top != REST)
    nearest = known[np.abs(np.arange(steps)[:, None] - known).argmin(axis=1)]
    return Line(top, floor[nearest])


class _Search:
    """Pieces that grow side by side under a melody."""

    def __init__(
        self,
        composer: RollComposer,
        line: Line,
        options: RollSampling,
        up: int,
        number: int,
        particles: int,
        tonic: int | None = None,
    ) -> None:
        self.network = composer.model.network.eval()
        self.line, self.options, self.count, self.tonic = line, options, particles, tonic
        self.lowest = LOWEST - up  # what the first key of a roll sounds like
        self.ranges = vocal_ranges.KeyRanges(options.allowed, self.lowest)
        self.generator = np.random.default_rng([options.seed, number])
        self.histories = [RollHistory(len(line.top)) for _ in range(particles)]
        self.pieces: Roll = np.zeros((particles, len(line.top), KEYS), dtype=np.uint8)
        self.assigned = np.full((particles, len(line.top), LOWER), REST, dtype=np.int64)
        self.weights: Weights = np.zeros(particles)

    @torch.inference_mode()
    def run(self, on_progress: OnProgress | None) -> NDArray[np.int64]:
        """Pitches of the lower voices of one piece, [steps, 3]."""
        draw, state, steps = self.network.sampler(), None, len(self.line.top)
        device = next(self.network.parameters()).device
        for t in range(steps):
            view = view_of(self.histories, self.pieces, t, device)
            features, state = self.network.encode(view, state)
            draws = self.generator.random((KEYS, self.count))
            step = _Step(self.options, self.ranges, given(self.line, t, self.lowest), draws)
            self.pieces[:, t] = draw(features.cpu(), step)
            for history, keys in zip(self.histories, self.pieces[:, t], strict=True):
                history.append(keys)
            self.weights += step.log_probs - self._costs(t)
            kept = self._resampled()
            if kept is not None:
                state = state[:, kept]
            if on_progress:
                on_progress((t + 1) / steps)
        drawn: NDArray[np.int64] = self.assigned[self.generator.choice(self.count, p=_shares(self.weights))]
        return drawn

    def _costs(self, t: int) -> Weights:
        """What is wrong with each piece at step t, in nats; assigns the voices too."""
        top, costs = int(self.line.top[t]), np.zeros(self.count)
        for i, keys in enumerate(self.pieces[:, t]):
            lower = tuple(int(key) + self.lowest for key in np.flatnonzero(keys) if key + self.lowest != top)
            before = tuple(self.assigned[i, t - 1].tolist()) if t else (REST,) * LOWER
            voices_now = vocal_ranges.assign(lower, before)
            self.assigned[i, t] = voices_now
            costs[i] = MISSING * (LOWER - len(lower) + (voices_now.count(REST) if lower else 0))
            if self.tonic is not None and t == len(self.line.top) - 1 and voices_now[-1] % 12 != self.tonic:
                costs[i] += OFF_TONIC
            if t:
                costs[i] += FAULT * faults((int(self.line.top[t - 1]), *before), (top, *voices_now))
        return costs

    def _resampled(self) -> NDArray[np.int64] | None:
        """Which pieces go on, where few hold most of the weight; None where all do."""
        shares = _shares(self.weights)
        if 1 / (shares**2).sum() > self.count / 2:
            return None
        marks = (self.generator.random() + np.arange(self.count)) / self.count
        kept = np.minimum(np.searchsorted(shares.cumsum(), marks, side="right"), self.count - 1)
        self.pieces, self.assigned = self.pieces[kept], self.assigned[kept]
        self.histories = [copy.deepcopy(self.histories[i]) for i in kept]
        self.weights = np.zeros(self.count)
        return kept


def _shares(weights: Weights) -> Weights:
    unscaled = np.exp(weights - weights.max())
    shares: Weights = unscaled / unscaled.sum()
    return shares


def given(line: Line, t: int, lowest: int = LOWEST) -> NDArray[np.int8]:
    """What is decided of step t, [88], where the first key sounds as pitch `lowest`: the melody sounds, nothing else
    does from the lowest of its pitches there on."""
    fixed = np.full(KEYS, FREE, dtype=np.int8)
    fixed[line.floor[t] - lowest :] = 0
    if line.top[t] != REST:
        fixed[line.top[t] - lowest] = 1
    return fixed


class _Step:
    """Who sounds in one step; `log_probs` [pieces] of the keys that are given."""

    last = KEYS - 1

    def __init__(
        self, options: RollSampling, ranges: vocal_ranges.KeyRanges, fixed: NDArray[np.int8], draws: Weights
    ) -> None:
        self.options, self.ranges, self.fixed, self.draws = options, ranges, fixed, draws
        self.allowed = options.allowed
        self.log_probs: Weights = np.zeros(draws.shape[1])
        self.sounding = np.zeros(draws.shape[1], dtype=np.int64)
        self.highest = np.zeros(draws.shape[1], dtype=np.int64)

    def __call__(self, key: int, odds: NDArray[np.floating]) -> NDArray[np.bool_] | None:
        odds = np.asarray(odds, dtype=np.float64) / self.options.temperature
        if self.fixed[key] != FREE:
            sounds = self.fixed[key] == 1
            self.log_probs -= np.logaddexp(0, -odds if sounds else odds)
            return np.full(len(odds), True) if sounds else None
        if not self.allowed[key]:
            return None
        chances = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
        if self.options.top_p < 1:
            chances = np.where(
                np.maximum(chances, 1 - chances) >= self.options.top_p, np.round(chances), chances
            )
        chosen: NDArray[np.bool_] = (self.draws[key] < chances) & (self.sounding < self.options.top_k)
        chosen &= self.ranges.may(key, self.sounding, self.highest)
        if not chosen.any():
            return None
        self.sounding += chosen
        self.highest[chosen] = key
        return chosen


# ------------------------------------------------------------------------------------------------ voices


@lru_cache(maxsize=1 << 16)
def faults(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """How many faults of voice leading the second of two chords [4] has, the soprano first."""
    parts = np.array([before, after], dtype=np.int16)
    return sum(fault.step == 1 for fault in voice_leading.find(parts))
