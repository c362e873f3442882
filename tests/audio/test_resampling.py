"""Resampling: theory (tones keep their pitch, aliases vanish), times, and pieces against the whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru.audio import resample
from speechgru.audio.resampling import Resampler
from speechgru.errors import AudioError

RATES = (4000, 8000, 11025, 22050, 44100, 48000, 96000)


def tone(frequency: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_tone_keeps_pitch_phase_and_level(rate: int) -> None:
    got = resample(tone(1000, rate), rate, 16000)
    assert len(got) == 16000
    assert got.dtype == np.float32
    assert np.abs(got - tone(1000, 16000))[800:-800].max() < 1e-3


@pytest.mark.parametrize("frequency", [8500, 9000, 12000, 15000, 20000])
def test_what_would_alias_is_filtered_out(frequency: int) -> None:
    got = resample(tone(frequency, 44100), 44100, 16000)[800:-800]
    assert np.sqrt(np.mean(got**2)) < 1e-3  # -60 dB and less


def test_a_click_stays_where_it_was() -> None:
    click = np.zeros(44100, np.float32)
    click[22050] = 1
    assert int(np.abs(resample(click, 44100, 16000)).argmax()) == 8000


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([*RATES, 12345, 17600, 16000, 32000, 64000]),
    length=st.integers(0, 5000),
    cuts=st.lists(st.integers(0, 5000), max_size=6),
    seed=st.integers(0, 99),
)
def test_pieces_equal_the_whole(rate: int, length: int, cuts: list[int], seed: int) -> None:
    signal = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    resampler = Resampler(rate, 16000)
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    pieces = [resampler.add(signal[a:b]) for a, b in pairwise(edges)] + [resampler.finish()]
    np.testing.assert_array_equal(np.concatenate(pieces), resample(signal, rate, 16000))


def test_last_axis_and_double_precision() -> None:
    signal = np.random.default_rng(0).standard_normal((2, 3, 800))
    got = resample(signal, 8000, 16000)
    assert got.shape == (2, 3, 1600)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got[1, 2], resample(signal[1, 2], 8000, 16000))


def test_a_tensor_gives_a_tensor() -> None:
    torch = pytest.importorskip("torch")
    signal = torch.from_numpy(tone(440, 8000))
    got = resample(signal, 8000, 16000)
    assert isinstance(got, torch.Tensor)
    np.testing.assert_array_equal(got.numpy(), resample(signal.numpy(), 8000, 16000))


def test_nothing_stays_nothing() -> None:
    assert resample(np.zeros((2, 0), np.float32), 8000, 16000).shape == (2, 0)
    assert resample(np.zeros((0, 80), np.float32), 8000, 16000).shape == (0, 160)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_impossible_rates_are_refused(rate: float) -> None:
    with pytest.raises(AudioError, match="positive"):
        resample(np.zeros(10, np.float32), rate, 16000)


def test_integer_samples_are_refused() -> None:
    with pytest.raises(AudioError, match="int16"):
        resample(np.zeros(10, np.int16), 8000, 16000)
    with pytest.raises(AudioError, match=r"shape \(\)"):
        resample(np.float32(1.0), 8000, 16000)
