"""What is amplified before the network: quiet recordings that stand out of their own floor, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.audio import energy

RATE = 16000
RANDOM = np.random.default_rng(0)


def voice(peak_db: float, floor_db: float = -30.0, seconds: float = 3.0) -> np.ndarray:
    """Bursts of noise of 0.3 s, and quiet between them, `floor_db` below."""
    count = round(seconds * RATE)
    is_loud = np.arange(count) // round(0.3 * RATE) % 2 == 1
    envelope = np.where(is_loud, 1.0, 10 ** (floor_db / 20))
    signal = envelope * RANDOM.standard_normal(count)
    scaled: np.ndarray = (signal / np.abs(signal).max() * 10 ** (peak_db / 20)).astype(np.float32)
    return scaled


@pytest.mark.parametrize("peak", [-69, -90, -110, -130])
def test_quiet_speech_reaches_the_level_of_other_speech(peak: float) -> None:
    signal = voice(peak)
    assert not energy.may_hold_speech(signal, RATE) or peak == -69
    gain, _ = energy.gain_of(signal, RATE)
    lifted = signal * np.float32(gain)
    assert energy.may_hold_speech(lifted, RATE)
    assert energy.floor_and_top(energy.levels(lifted, RATE))[1] == pytest.approx(energy.LIFTED_DB, abs=1)
    assert np.abs(lifted).max() <= 0.5


@pytest.mark.parametrize("peak", [0, -10, -30])
def test_what_is_loud_enough_stays_as_it_is(peak: float) -> None:
    assert energy.gain_of(voice(peak), RATE)[0] == 1.0


def test_dither_hiss_and_silence_stay_as_they_are() -> None:
    size = 3 * RATE
    dither = np.round(RANDOM.random(size) + RANDOM.random(size) - 1) / 32768
    toggles = np.where(np.arange(size) % RATE < 2000, np.round(RANDOM.random(size)), 0) / 32768
    for noise in (
        dither,
        toggles,
        1e-6 * RANDOM.standard_normal(size),
        np.zeros(size),
        np.zeros(10),
        np.zeros(0),
    ):
        assert energy.gain_of(noise.astype(np.float32), RATE)[0] == 1.0


def test_a_click_alone_is_no_speech() -> None:
    clicks = (1e-6 * RANDOM.standard_normal(3 * RATE)).astype(np.float32)
    clicks[RATE] = 1e-3
    assert energy.gain_of(clicks, RATE)[0] == 1.0


def test_background_of_a_louder_recording_stays_background() -> None:
    signal = voice(-69)
    assert energy.gain_of(signal, RATE, loudest=-20.0)[0] == 1.0
    assert energy.gain_of(signal, RATE, loudest=-80.0)[0] > 1.0
