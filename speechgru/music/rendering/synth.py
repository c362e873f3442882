"""Notes as sound: sines whose higher partials die away sooner, like a plucked or struck string, and noise for drums.

- **Band-limited**: a partial above BAND of half the sample rate is left out, so nothing folds back (no aliasing).
- **No clipping**: where the sum would pass PEAK, the whole piece is made softer.
- **The same each time**: also the drums' noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.score.notes import Note, NoteSequence

SAMPLE_RATE = 44100
PEAK = 0.9
BAND = 0.95
MAX_SECONDS = 1800.0

_PARTIALS = 12
_FALL = 1.3  # partial k begins with the amplitude k^-_FALL ...
_DECAY = 0.9  # ... and loses _DECAY * sqrt(k * f / 261.6 Hz) nats a second
_ATTACK, _RELEASE = 0.006, 0.09  # seconds
_GAIN = 0.5  # of a note of the highest velocity: a tune alone is not faint
_MIDDLE_C = 440 * 2 ** (-9 / 12)

Wave = NDArray[np.float32]


def render(piece: NoteSequence, sample_rate: int = SAMPLE_RATE) -> Wave:
    """The sound of a piece, float32 [time] within ±PEAK, from its start to the last note's fading.

    Raises:
        MusicError: the piece has no notes, or lasts longer than MAX_SECONDS.
    """
    if not piece.notes:
        raise MusicError("There are no notes to play.")
    if piece.duration > MAX_SECONDS:
        raise MusicError(
            f"The piece lasts {piece.duration / 60:.0f} minutes; sound is made of up to {MAX_SECONDS / 60:g}. "
            "Cut it, or give it a faster tempo."
        )
    sound = np.zeros(int((piece.duration + _RELEASE) * sample_rate) + 2, dtype=np.float32)
    made: dict[tuple[int, bool, int], Wave] = {}
    for note in piece.notes:
        first, last = (round(piece.seconds(beat) * sample_rate) for beat in (note.start, note.end))
        name = note.pitch, note.drum, last - first
        if name not in made:
            made[name] = _drum(note, sample_rate) if note.drum else tone(*name[::2], sample_rate)
        wave = made[name][: len(sound) - first]
        sound[first : first + len(wave)] += wave * np.float32(_GAIN * (note.velocity / 127) ** 1.5)
    loudest = float(np.abs(sound).max())
    if loudest > PEAK:
        sound *= np.float32(PEAK / loudest)
    return sound


def tone(pitch: int, held: int, sample_rate: int = SAMPLE_RATE) -> Wave:
    """A note of `held` samples and its fading, within about ±2: float32 [held + release]."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    time = np.arange(held + int(_RELEASE * sample_rate)) / sample_rate
    # sin((k + 1)x) = 2 cos(x) sin(kx) - sin((k - 1)x): one sine and one cosine for all partials.
    angle = 2 * np.pi * frequency * time
    before, sine, twice = np.zeros_like(time), np.sin(angle), 2 * np.cos(angle)
    wave = np.zeros_like(time)
    for number in range(1, _PARTIALS + 1):
        if number * frequency > BAND * sample_rate / 2:
            break
        decay = np.exp(-_DECAY * np.sqrt(number * frequency / _MIDDLE_C) * time)
        wave += number**-_FALL * decay * sine
        before, sine = sine, twice * sine - before
    return (wave * _envelope(held, len(time), sample_rate)).astype(np.float32)


def _envelope(held: int, total: int, sample_rate: int) -> NDArray[np.float64]:
    """Up in half a cosine, then 1, then down from `held` on in half a cosine: no corner that would click."""
    envelope = np.ones(total)
    attack = min(int(_ATTACK * sample_rate), held)
    envelope[:attack] = _slope(attack)
    envelope[held:] = _slope(total - held)[::-1]
    return envelope


def _slope(count: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))


def _drum(note: Note, sample_rate: int) -> Wave:
    """Noise that dies away: dull and long for low numbers (bass drum), bright and short for high ones (cymbals)."""
    time = np.arange(int(0.4 * sample_rate)) / sample_rate
    noise = np.random.default_rng(note.pitch).standard_normal(len(time))
    brightness = np.clip((note.pitch - 35) / 24, 0, 1)
    spectrum = np.fft.rfft(noise)
    frequencies = np.fft.rfftfreq(len(time), 1 / sample_rate)
    spectrum *= np.exp(-frequencies / (150 * 40**brightness)) * (frequencies < BAND * sample_rate / 2)
    sound = np.fft.irfft(spectrum, len(time)) * np.exp(-time * (12 + 20 * brightness))
    sound *= _envelope(len(time) - int(_RELEASE * sample_rate), len(time), sample_rate)
    normalised: Wave = (sound / np.abs(sound).max()).astype(np.float32)
    return normalised
