"""Notes from a recording of one voice that hums, sings, whistles or plays.

1. Fundamental frequency every HOP seconds: pYIN (Mauch and Dixon 2014) through speechgru/features/pitch.py. It finds a
   pitch in noise too, but isn't sure of it: a voiced run that has less than SURE on the mean is none. And its path goes
   on through short gaps: where the level dips by DIP and comes back within REACH, a pitch is struck again.
2. Each voiced run is smoothed by a median of SMOOTH frames. A note goes on until the pitch has left its median so far
   by more than LEAVE semitones.
3. What is shorter than SHORTEST is no note: within a run, a glide, which the note before takes; alone, a noise. So is
   what is shorter than SLIDE and moves by more than MOVES in any STILL frames, if a note comes right after it.
4. A note's pitch is the median of its frames, less the tuning: how far the singer is from concert pitch, as the
   direction of the mean of exp(2 pi i p) over all notes, p in semitones, longer ones counting more. So somebody who
   sings a third of a semitone flat sings the right notes.
5. Neighbours of one pitch without a gap are one note, so vibrato is no trill.

A pitch that is struck again without a dip is one long note: sing `ta ta`, not a legato.

Where a note is struck again, by the level of the sound: it dips for a moment and comes back.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru import audio
from speechgru.errors import AudioError, MusicError
from speechgru.music.score.notes import Note, NoteSequence, Tempo, spans

DIP = 10.0
"""dB below the loudest on either side. A tremolo of a third up and down dips by 6."""
REACH = 20
"""Frames to either side within which it was, and is again, so much louder."""

Levels = NDArray[np.float64]
RATE = 16000
HOP = 0.01
LOWEST, HIGHEST = 65.0, 2100.0
"""Hz: C2 to C7."""
LONGEST = 60.0
"""Seconds of a recording that are read; finding pitches takes about as long as the recording lasts."""
SHORTEST = 0.08
SLIDE = 0.12
SURE = 0.1
"""Of pYIN's probability of voicing: hums have 0.5 and more, noise 0.01."""
GRID = 4
"""Steps in a beat: sixteenths. Nobody hums more exactly, whatever grid a model has."""
SMOOTH = 7
LEAVE = 0.7
STILL, MOVES = 4, 0.3

Pitches = NDArray[np.float64]


def short_levels(samples: NDArray[np.float32], hop: int, frames: int) -> Levels:
    """dB of the two `hop`s around the middle of each frame, [frames]; frame n is centred at sample n * hop."""
    padded = np.zeros((frames + 1) * hop)
    inside = samples[: frames * hop]
    padded[hop : hop + len(inside)] = inside
    powers = np.square(padded).reshape(frames + 1, hop).sum(axis=1)
    levels: Levels = 10 * np.log10((powers[:-1] + powers[1:]) / (2 * hop) + 1e-10)
    return levels


def level_dips(decibels: Levels) -> NDArray[np.bool_]:
    """At which frames [frames] the level is lowest in a dip: DIP below the loudest of REACH frames on either side."""
    dips = np.zeros(len(decibels), dtype=bool)
    for frame, level in enumerate(decibels):
        before = decibels[max(frame - REACH, 0) : frame + 1]
        after = decibels[frame : frame + REACH + 1]
        if min(before.max(), after.max()) - level < DIP:
            continue
        # The lowest of its dip: towards either loudest there is nothing lower, and of equals the first counts.
        back = before[before.argmax() :]
        dips[frame] = back[:-1].min() > level and after[: after.argmax() + 1].min() >= level
    return dips


class FrameNote(NamedTuple):
    """A note from frame `start` to `end` (not included)."""

    start: int
    end: int
    pitch: int


def read(path: str | Path, qpm: float, steps_per_beat: int = GRID) -> NoteSequence:
    """The notes of a recording, on a grid of `steps_per_beat` at `qpm` quarter notes a minute; the first is at beat 0.

    Of notes that fall on one step the longest stays.

    Raises:
        MusicError: there is no clear pitch, or it is longer than LONGEST. AudioError: the recording can't be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", audio.AudioWarning
            )  # what is narrow-band to speech is enough for pitch
            samples = audio.read(path, RATE)
    except AudioError as error:
        raise AudioError(f"{path} is no recording that can be read ({error}).", source=path) from error
    if len(samples) > LONGEST * RATE:
        raise MusicError(
            f"{path} lasts {len(samples) / RATE:.0f} s; a few bars do, up to {LONGEST:g} s. Cut it first."
        )
    sung = notes_of(frequencies(samples))
    if not sung:
        raise MusicError(
            f"{path}: no melody found, for it has no clear pitch. Hum or play one voice, near the microphone."
        )
    beats = HOP * qpm / 60
    notes = [
        Note((start - sung[0].start) * beats, pitch, (end - sung[0].start) * beats)
        for start, end, pitch in sung
    ]
    placed = sorted(zip(spans(notes, steps_per_beat), notes), key=lambda pair: pair[0][0])
    kept = []
    for first, some in groupby(placed, lambda pair: pair[0][0]):
        (_, last), note = max(some, key=lambda pair: pair[1].length)
        kept.append(replace(note, start=first / steps_per_beat, end=last / steps_per_beat))
    return NoteSequence(tuple(kept), (Tempo(0.0, qpm),))


def frequencies(samples: NDArray[np.float32]) -> Pitches:
    """Hz in every frame of HOP seconds of samples [time] at RATE; 0 where there is no pitch, or one is struck again."""
    import torch

    from speechgru.features.pitch import Pitch, PitchSettings

    settings = PitchSettings(RATE, hop=HOP, f_min=LOWEST, f_max=HIGHEST, method="pyin")
    hertz, sure = Pitch(settings).rows(torch.from_numpy(samples)[None])[0].double().numpy().T
    voiced: Pitches = np.where(level_dips(short_levels(samples, round(HOP * RATE), len(hertz))), 0.0, hertz)
    for first, last in _runs(voiced > 0):
        if sure[first:last].mean() < SURE:
            voiced[first:last] = 0
    return voiced


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame of each run of True, and the one after its last."""
    edges = np.flatnonzero(np.diff(np.pad(mask.astype(int), 1))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def notes_of(hertz: Pitches) -> list[FrameNote]:
    """The notes of frequencies [frames] in Hz, 0 for no pitch."""
    voiced = hertz > 0
    pitches = 69 + 12 * np.log2(np.where(voiced, hertz, 440) / 440)
    places: list[tuple[int, int]] = []
    medians: list[float] = []
    for first, last in _runs(voiced):
        smooth = _smoothed(pitches[first:last])
        for start, end in _steady(smooth):
            places.append((first + start, first + end))
            medians.append(float(np.median(smooth[start:end])))
    lengths = np.array([end - start for start, end in places])
    off = np.angle((lengths * np.exp(2j * np.pi * np.array(medians))).sum()) / (2 * np.pi)
    notes: list[FrameNote] = []
    for (start, end), median in zip(places, medians):
        pitch = round(float(median - off))
        if notes and (notes[-1].end, notes[-1].pitch) == (start, pitch):
            start = notes.pop().start
        notes.append(FrameNote(start, end, pitch))
    return notes


def _steady(pitches: Pitches) -> list[tuple[int, int]]:
    """First frame of each note of a voiced run, and the one after its last."""
    places = [0]
    for place in range(1, len(pitches)):
        if abs(pitches[place] - np.median(pitches[places[-1] : place])) > LEAVE:
            places.append(place)
    kept: list[tuple[int, int]] = []
    for start, end in pairwise([*places, len(pitches)]):
        if end - start >= round(SHORTEST / HOP) and not _slides(pitches[start:end], end < len(pitches)):
            kept.append((start if kept else 0, end))  # it takes the glide that leads to the first note
        elif kept:
            kept[-1] = (kept[-1][0], end)
    return kept


def _slides(pitches: Pitches, goes_on: bool) -> bool:
    """Whether this is on its way to the next note: short, and nowhere still."""
    if not goes_on or len(pitches) >= round(SLIDE / HOP):
        return False
    some = np.lib.stride_tricks.sliding_window_view(pitches, STILL)
    return bool(np.ptp(some, axis=1).min() > MOVES)


def _smoothed(pitches: Pitches) -> Pitches:
    """Running median; at the ends the first and the last values are repeated."""
    half = SMOOTH // 2
    padded = np.pad(pitches, half, mode="edge")
    smooth: Pitches = np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTH), axis=1)
    return smooth
