"""The synthesizer: right pitch, nothing above half the rate, no clipping, the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.rendering.synth import PEAK, render, tone
from speechgru.music.score.notes import Tempo

RATE = 16000


def spectrum(wave: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and power."""
    return np.fft.rfftfreq(len(wave), 1 / rate), np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2


@pytest.mark.parametrize("pitch", [33, 45, 57, 69, 81, 93])
def test_the_strongest_partial_has_the_pitch(pitch: int) -> None:
    wave = tone(pitch, RATE, RATE)
    frequencies, power = spectrum(wave, RATE)
    assert frequencies[power.argmax()] == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.02)


@pytest.mark.parametrize(
    ("pitch", "rate"), [(60, 16000), (84, 16000), (96, 16000), (108, 16000), (108, 44100), (100, 8000)]
)
def test_nothing_folds_back(pitch: int, rate: int) -> None:
    """All power is at whole multiples of the pitch; an alias would be elsewhere."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    frequencies, power = spectrum(tone(pitch, rate, rate), rate)
    away = np.abs(frequencies / frequency - np.round(frequencies / frequency)) * frequency
    # 60 Hz either side for the broadening by attack and decay.
    assert power[away > 60].sum() < 2e-4 * power.sum()


def test_a_pitch_above_half_the_rate_is_silent() -> None:
    assert not tone(127, 800, 8000).any()


@settings(max_examples=25)
@given(
    st.lists(
        st.builds(
            lambda start, pitch, length, velocity, drum: Note(
                start, pitch, start + length, velocity, drum=drum
            ),
            st.integers(0, 4),
            st.integers(0, 127),
            st.sampled_from([0.01, 0.25, 1.0, 2.0]),
            st.integers(1, 127),
            st.booleans(),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_no_sample_clips_and_twice_is_the_same(notes: list[Note]) -> None:
    piece = NoteSequence(tuple(notes), (Tempo(0, 240),))
    sound = render(piece, 8000)
    assert sound.dtype == np.float32 and np.isfinite(sound).all()
    assert np.abs(sound).max() <= PEAK * (1 + 1e-6)
    assert np.array_equal(sound, render(piece, 8000))
    assert len(sound) == pytest.approx((piece.duration + 0.09) * 8000, abs=3)


def test_notes_sound_when_they_should() -> None:
    piece = NoteSequence((Note(1, 69, 2), Note(3, 69, 4)), (Tempo(0, 60), Tempo(2, 120)))
    sound = np.abs(render(piece, RATE))
    loud = [
        bool(sound[int(a * RATE) : int(b * RATE)].max() > 0.02)
        for a, b in [(0, 0.99), (1.01, 1.9), (2.1, 2.49), (2.51, 2.9)]
    ]
    assert loud == [False, True, False, True]


def test_a_tone_begins_and_ends_without_a_click() -> None:
    wave = tone(69, RATE // 2, RATE)
    assert abs(wave[0]) < 0.01 and abs(wave[-1]) < 0.01
    assert np.abs(np.diff(wave[-20:])).max() < 0.01


def test_higher_velocity_is_louder() -> None:
    soft, loud = (np.abs(render(NoteSequence((Note(0, 60, 1, v),)), RATE)).max() for v in (40, 120))
    assert loud / soft == pytest.approx(3**1.5, rel=1e-3)


def test_what_can_not_be_played_is_refused() -> None:
    with pytest.raises(MusicError, match="no notes"):
        render(NoteSequence())
    with pytest.raises(MusicError, match="50 minutes"):
        render(NoteSequence((Note(0, 60, 6000),)))
