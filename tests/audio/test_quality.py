"""Warnings on clipping and narrow band: given where due, and not for sound speech, silence or tones."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.audio import resample
from speechgru.audio.quality import Bandwidth, Clipping

NOISE = np.random.default_rng(0).standard_normal(48000).astype(np.float32) * np.float32(0.1)


def clipping(signal: np.ndarray, pieces: int = 1, subtype: str = "PCM_16") -> Clipping:
    meter = Clipping(subtype)
    for piece in np.array_split(signal.reshape(len(signal), -1), pieces):
        meter.add(piece)
    return meter


def bandwidth_warning(signal: np.ndarray, rate: int = 16000) -> str | None:
    meter = Bandwidth(rate)
    meter.add(signal)
    warning = meter.warning()
    return warning and warning.text


def test_clipped_fraction_is_exact() -> None:
    signal = np.zeros(1000, np.float32)
    signal[100:110] = 1.0
    signal[200:205] = -1.0
    signal[300:302] = 1.0  # two samples are a peak, not a run
    assert clipping(signal).fraction == (8 + 3) / 1000


@pytest.mark.parametrize("pieces", [2, 7, 97, 500, 1000])
def test_runs_are_found_across_pieces(pieces: int) -> None:
    signal = np.clip(NOISE[:1000] * 20, -1, 1)
    signal[400:500] = 1.0
    whole = clipping(signal).fraction
    assert whole > 0.1
    assert clipping(signal, pieces).fraction == whole


def test_overdriven_recordings_are_called_clipped() -> None:
    assert (
        warning := clipping(np.clip(NOISE * 30, -1, 32767 / 32768)).warning()
    ) and warning.kind == "clipped"
    assert (
        warning := clipping(np.clip(NOISE * 30, -1, 127 / 128), subtype="PCM_U8").warning()
    ) and warning.kind == "clipped"


@pytest.mark.parametrize("amplitude", [0.0, 0.5, 1.0])
def test_a_tone_up_to_full_scale_is_not_clipped(amplitude: float) -> None:
    tone = amplitude * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
    codes = np.clip(np.round(tone * 32768), -32768, 32767) / 32768
    assert clipping(codes.astype(np.float32)).warning() is None


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_what_passed_a_telephone_is_narrow(rate: int) -> None:
    telephone = resample(resample(NOISE, 16000, 8000), 8000, rate)
    assert "narrow band" in (bandwidth_warning(np.round(telephone * 32768) / np.float32(32768), rate) or "")


@pytest.mark.parametrize("rate", [4000, 8000, 11025])
def test_a_low_rate_is_narrow(rate: int) -> None:
    assert str(rate) in (bandwidth_warning(NOISE, rate) or "")


@pytest.mark.parametrize("rate", [12000, 16000, 44100])
def test_wide_silent_tonal_or_short_sound_is_not(rate: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    telephone = resample(resample(NOISE, 16000, 8000), 8000, rate)
    offset = np.full(rate, 0.5, np.float32)
    for signal in (NOISE, np.zeros(rate, np.float32), tone, offset, telephone[: rate // 4]):
        assert bandwidth_warning(signal, rate) is None


def test_speech_like_tilt_is_not_narrow() -> None:
    # 12 dB an octave above 500 Hz is steeper than any voice.
    frequencies = np.fft.rfftfreq(len(NOISE), 1 / 16000)
    tilted = np.fft.irfft(np.fft.rfft(NOISE) / (1 + (frequencies / 500) ** 2)).astype(np.float32)
    assert bandwidth_warning(tilted) is None
