"""The features in NumPy against those of PyTorch, torchaudio and librosa."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from speechgru.features import LogMel, arrays, transform
from speechgru.features.settings import FrontendSettings

LENGTHS = [1, 159, 160, 400, 401, 8000, 90001]


def noise(samples: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Noise that grows, with a hum: every band has its own level."""
    generator = np.random.default_rng(seed)
    time = np.arange(samples) / 16000
    ramp = np.linspace(0.01, 0.3, samples)
    return (ramp * generator.standard_normal(samples) + 0.1 * np.sin(700 * time) + 0.05).astype(np.float32)


@pytest.mark.parametrize("samples", [0, *LENGTHS])
@pytest.mark.parametrize(
    "settings",
    [
        FrontendSettings(),
        FrontendSettings(normalise="none"),
        FrontendSettings(sample_rate=8000, n_mels=23, window=0.032, hop=0.016, f_min=0.0, f_max=3500.0),
    ],
    ids=["default", "as they are", "telephone"],
)
def test_log_mel_is_that_of_pytorch(settings: FrontendSettings, samples: int) -> None:
    signal = noise(samples)
    expected, frames = LogMel(settings)(torch.from_numpy(signal)[None], torch.tensor([samples]))
    values = arrays.LogMelArrays(settings)(signal)
    assert values.dtype == np.float32
    assert values.shape == (int(frames[0]), settings.n_mels)
    np.testing.assert_allclose(values, expected[0].numpy(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("samples", [400, 401, 8000, 90001])
@pytest.mark.parametrize("scale", [1.0, 32768.0])
def test_kaldi_fbank_is_that_of_torchaudio(samples: int, scale: float) -> None:
    signal = noise(samples)
    kind = transform("kaldi_fbank", n_mels=80, f_max=7600.0, snip_edges=False, full_scale=scale)
    expected = kind(torch.from_numpy(signal))[0][0].numpy()
    values = arrays.KaldiArrays(full_scale=scale)(signal)
    assert values.shape == expected.shape
    # Where a frame is nearly silent, rounding of the spectrum shows in the logarithm.
    np.testing.assert_allclose(values, expected, atol=2e-3, rtol=0)
    assert np.abs(values - expected).mean() < 1e-5


@pytest.mark.parametrize("samples", [0, 79, 80, 239, 399])
def test_kaldi_fbank_of_less_than_a_window_has_its_frames(samples: int) -> None:
    values = arrays.KaldiArrays()(noise(samples))
    assert values.shape == ((samples + 80) // 160, 80)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("samples", LENGTHS)
def test_nemo_has_the_values_of_its_definition(samples: int) -> None:
    librosa = pytest.importorskip("librosa")
    signal = noise(samples)
    values = arrays.NemoArrays(normalise="")(signal)
    assert values.shape == (samples // 160, 80)
    if not len(values):
        return
    bank = torch.from_numpy(librosa.filters.mel(sr=16000, n_fft=512, n_mels=80, fmin=0, fmax=8000))
    wave = torch.from_numpy(signal)
    wave = torch.cat([wave[:1], wave[1:] - 0.97 * wave[:-1]])
    window = torch.hann_window(400, periodic=False)
    spectrum = torch.stft(wave, 512, 160, 400, window, center=True, pad_mode="constant", return_complex=True)
    expected = torch.log(bank @ spectrum.abs().square() + 2**-24).T[: len(values)]
    np.testing.assert_allclose(values, expected.numpy(), atol=1e-4, rtol=0)
    if len(values) > 1:
        expected = (expected - expected.mean(0)) / (expected.std(0) + 1e-5)
        np.testing.assert_allclose(arrays.NemoArrays()(signal), expected.numpy(), atol=1e-3, rtol=0)


def test_one_frame_of_nemo_is_its_mean() -> None:
    assert not arrays.NemoArrays()(noise(200)).any()


def test_a_waveform_is_brought_to_one_level() -> None:
    values = arrays.WaveformArrays()(noise(16000))
    assert values.shape == (16000, 1)
    assert values.mean() == pytest.approx(0.0, abs=1e-5)
    assert values.std() == pytest.approx(1.0, abs=1e-3)
    same = arrays.WaveformArrays(normalise=False)(noise(100))
    np.testing.assert_array_equal(same[:, 0], noise(100))
    assert arrays.WaveformArrays()(noise(0)).shape == (0, 1)
