"""Log-mel bands and MFCC against their stated conventions, librosa, torchaudio, and themselves in a batch."""

from __future__ import annotations

import dataclasses
import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

import speechgru
from speechgru import log_mel, mfcc
from speechgru.errors import AudioError, ConfigError
from speechgru.features import LogMel
from speechgru.features.frontend import Settings
from speechgru.features.spectrogram import MIN_DEVIATION
from speechgru.utils import schema

RATE = 16000
PLAIN = Settings(normalise="none")
TELEPHONE = Settings(8000, 40, 0.032, 0.016, 0.0, 3800.0, 1e-3, "none")


def noise(time: int = RATE, seed: int = 0, loudness: float = 0.1) -> Tensor:
    """White noise whose loudness swells and fades, so that every band varies."""
    generator = torch.Generator().manual_seed(seed)
    swell = torch.exp(-2 * torch.sin(torch.arange(time) / 1500))
    return (loudness * torch.randn(time, generator=generator) * swell).clamp(-1, 1)


def literal(signal: Tensor, settings: Settings) -> np.ndarray:
    """The conventions in the module's first lines, one frame at a time, in float64: [frames, bands]."""
    window, hop = round(settings.window * settings.sample_rate), round(settings.hop * settings.sample_rate)
    size = 2 ** int(np.ceil(np.log2(window)))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    left = (size - window) // 2
    padded = np.concatenate([np.zeros(size // 2), signal.double().numpy(), np.zeros(size)])
    power = []
    for t in range(1 + len(signal) // hop):
        framed = np.zeros(size)
        framed[left : left + window] = hann * padded[t * hop + left : t * hop + left + window]
        power.append(np.abs(np.fft.rfft(framed)) ** 2)
    low, high = (2595 * np.log10(1 + f / 700) for f in (settings.f_min, settings.f_max))
    corners = 700 * (10 ** (np.linspace(low, high, settings.n_mels + 2) / 2595) - 1)
    hertz = np.arange(size // 2 + 1) * settings.sample_rate / size
    bands = [np.interp(hertz, corners[i : i + 3], [0.0, 1.0, 0.0]) for i in range(settings.n_mels)]
    return np.log(np.array(power) @ np.array(bands).T + settings.log_floor)


@pytest.mark.parametrize("settings", [PLAIN, TELEPHONE])
@pytest.mark.parametrize("time", [7777, 8000, 1, 159])
def test_equals_the_stated_conventions(settings: Settings, time: int) -> None:
    signal = noise(time)
    features, frames = LogMel(settings)(signal)
    expected = literal(signal, settings)
    assert frames.tolist() == [len(expected)]
    np.testing.assert_allclose(features[0], expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("settings", [PLAIN, TELEPHONE])
def test_equals_librosa(settings: Settings) -> None:
    from librosa.feature import melspectrogram

    signal = noise(7777)
    power = melspectrogram(
        y=signal.numpy(),
        sr=settings.sample_rate,
        n_fft={400: 512, 256: 256}[round(settings.window * settings.sample_rate)],
        win_length=round(settings.window * settings.sample_rate),
        hop_length=settings.hop_length,
        center=True,
        pad_mode="constant",
        n_mels=settings.n_mels,
        fmin=settings.f_min,
        fmax=settings.f_max,
        htk=True,
        norm=None,
    )
    features = LogMel(settings)(signal)[0][0]
    np.testing.assert_allclose(features, np.log(power + settings.log_floor).T, atol=2e-3, rtol=0)


@pytest.mark.parametrize("normalise", ["utterance", "none"])
@pytest.mark.parametrize("garbage", [0.0, 100.0, float("nan")])
def test_padding_reaches_no_valid_frame(normalise: str, garbage: float) -> None:
    transform = LogMel(Settings(normalise=normalise))  # type: ignore[arg-type]
    lengths = torch.tensor([9000, 1, 159, 160, 161, 399, 4321, 8999, 5000])
    signals = [noise(n, seed) for seed, n in enumerate(lengths.tolist())]
    batch = torch.full((len(lengths), 9000), garbage)
    for row, signal in zip(batch, signals):
        row[: len(signal)] = signal
    together, frames = transform(batch, lengths)
    assert frames.tolist() == [1 + n // 160 for n in lengths.tolist()]
    for features, count, signal in zip(together, frames.tolist(), signals):
        alone, own = transform(signal)
        assert own.tolist() == [count] and alone.shape == (1, count, 80)
        torch.testing.assert_close(features[:count], alone[0], atol=1e-4, rtol=0)
        assert not features[count:].any()


def test_leaves_its_input_alone() -> None:
    batch = noise(1000).repeat(2, 1)
    before = batch.clone()
    LogMel()(batch, torch.tensor([1000, 500]))
    assert torch.equal(batch, before)


def test_normalised_bands_have_mean_0_and_deviation_1() -> None:
    features, _ = LogMel()(torch.stack([noise(), noise(seed=1)]))
    torch.testing.assert_close(features.mean(dim=1), torch.zeros(2, 80), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.std(dim=1, correction=0), torch.ones(2, 80), atol=1e-5, rtol=0)


def test_a_nearly_constant_band_is_centred_but_not_lifted() -> None:
    tone = 0.3 * torch.sin(2 * torch.pi * 1000 * torch.arange(RATE) / RATE)
    signal = noise(loudness=0.03) + tone
    plain, normalised = LogMel(PLAIN)(signal)[0][0], LogMel()(signal)[0][0]
    deviation = plain.std(dim=0, correction=0)
    flat = deviation < MIN_DEVIATION
    assert flat.any() and (deviation > 1.5).any()
    centred = plain - plain.mean(dim=0)
    torch.testing.assert_close(normalised[:, flat], centred[:, flat] / MIN_DEVIATION, atol=1e-4, rtol=0)
    expected = centred[:, ~flat] / deviation[~flat]
    torch.testing.assert_close(normalised[:, ~flat], expected, atol=1e-4, rtol=0)


def test_loudness_does_not_matter_once_normalised() -> None:
    loud, quiet = LogMel()(noise())[0], LogMel()(noise() * 0.1)[0]
    assert float((loud - quiet).abs().mean()) < 0.01
    # Apart from the floor under the logarithm it is exact.
    exact = LogMel(Settings(log_floor=1e-20))
    torch.testing.assert_close(exact(noise())[0], exact(noise() * 0.1)[0], atol=2e-3, rtol=0)
    plain = LogMel(PLAIN)
    assert float((plain(noise())[0] - plain(noise() * 0.1)[0]).mean()) == pytest.approx(np.log(100), abs=0.1)


@pytest.mark.parametrize("time", [1, 2, 159, 160, 400])
def test_very_short_and_silent_signals_stay_finite(time: int) -> None:
    for signal in (noise(time), torch.zeros(time)):
        features, frames = LogMel()(signal)
        assert features.shape == (1, 1 + time // 160, 80) and frames.tolist() == [1 + time // 160]
        assert features.isfinite().all()
    assert not LogMel()(torch.zeros(time))[0].any()


def test_silence_is_the_logarithm_of_the_floor() -> None:
    features = LogMel(dataclasses.replace(PLAIN, log_floor=1e-4))(torch.zeros(800))[0]
    torch.testing.assert_close(features, torch.full((1, 6, 80), float(np.log(1e-4))))


def test_mfcc_equals_torchaudio() -> None:
    from torchaudio.transforms import MFCC

    signal = noise()
    sizes = {
        "n_fft": 512,
        "win_length": 400,
        "hop_length": 160,
        "n_mels": 80,
        "f_min": 20.0,
        "pad_mode": "constant",
    }
    theirs = MFCC(RATE, 20, log_mels=True, melkwargs=sizes)(signal).T
    # Their logarithm has a floor of 1e-6 as well.
    torch.testing.assert_close(mfcc(signal, RATE, n_mfcc=20), theirs, atol=1e-3, rtol=0)


def test_mfcc_equals_scipy() -> None:
    from scipy.fft import dct

    signal = noise()
    expected = dct(log_mel(signal, RATE, n_mels=40).numpy(), type=2, norm="ortho", axis=1)
    np.testing.assert_allclose(mfcc(signal, RATE, n_mels=40), expected[:, :13], atol=1e-3)
    np.testing.assert_allclose(mfcc(signal, RATE, n_mels=40, n_mfcc=40), expected, atol=1e-3)


@pytest.mark.parametrize("n_mfcc", [0, -1, 81])
def test_mfcc_refuses_an_impossible_number(n_mfcc: int) -> None:
    with pytest.raises(ConfigError, match=rf"n_mfcc must lie in 1\.\.n_mels \(80\); got {n_mfcc}"):
        mfcc(noise(), RATE, n_mfcc=n_mfcc)


def test_the_package_offers_them() -> None:
    assert speechgru.LogMel is LogMel


def test_plain_functions_do_not_normalise_unless_asked() -> None:
    signal = noise()
    for given, expected in (({}, LogMel(PLAIN)), ({"normalise": "utterance"}, LogMel())):
        found = log_mel(signal, RATE, **given)
        torch.testing.assert_close(found, expected(signal)[0][0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("function", [log_mel, mfcc])
def test_every_kind_of_source_gives_the_same(function, tmp_path: Path, monkeypatch) -> None:
    signal = (noise() * 32767).round() / 32768
    path = tmp_path / "sound.wav"
    soundfile.write(path, signal.numpy(), RATE, "PCM_16")
    expected = function(signal, RATE)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    with path.open("rb") as opened:
        others = [
            function(path),
            function(str(path)),
            function(opened),
            function("-"),
            function(signal.numpy(), RATE),
            function(signal.double().numpy(), RATE),
            function((signal * 32768).short(), RATE),
            function(torch.stack([signal, signal]), RATE),
            function(torch.stack([signal * 1.5, signal * 0.5]), RATE),
        ]
    for other in others:
        torch.testing.assert_close(other, expected, atol=2e-3, rtol=0)


def test_other_rates_are_resampled(tmp_path: Path) -> None:
    time = np.arange(2 * 44100) / 44100
    tone = (0.3 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    soundfile.write(tmp_path / "tone.wav", tone, 44100)
    at_16k = (0.3 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    expected = log_mel(at_16k, RATE)
    loudest = int(expected.mean(dim=0).argmax())
    for features in (log_mel(tone, 44100), log_mel(tmp_path / "tone.wav")):
        assert features.shape == expected.shape
        near = slice(loudest - 1, loudest + 2)
        torch.testing.assert_close(features[5:-5, near], expected[5:-5, near], atol=0.05, rtol=0)
        assert int(features.mean(dim=0).argmax()) == loudest


def test_an_array_needs_its_rate() -> None:
    for function in (log_mel, mfcc):
        with pytest.raises(AudioError, match="sample_rate=HERTZ"):
            function(noise())


def test_a_missing_file_is_an_audio_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nowhere\.wav"):
        log_mel(tmp_path / "nowhere.wav")


def build(_signal: Tensor, _rate: int, **given) -> Settings:
    return schema.build(Settings, given)


@pytest.mark.parametrize("function", [log_mel, mfcc, build])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_mel": 40}, r"n_mel.*Did you mean 'n_mels'"),
        ({"zzz": 1}, r"zzz.*f_max.*n_mels"),
        ({"n_mels": "40"}, r"n_mels.*'40'.*whole number"),
        ({"normalise": "uterance"}, r"uterance.*Choices: (utterance, none|none, utterance)"),
        (
            {"f_max": 8001.0},
            r"sample_rate / 2 = 8000 Hz.*f_max=8001|f_max=8001 Hz don't fit a rate of 16000 Hz.*≤ 8000",
        ),
        ({"f_min": 4000, "f_max": 4000}, r"f_min < f_max"),
        ({"f_min": -1}, r"0 ≤ f_min"),
        ({"f_max": float("nan")}, r"f_max=nan"),
        ({"hop": 0.03}, r"hop ≤ window"),
        ({"hop": 1e-6}, r"one sample ≤ hop"),
        ({"window": float("inf")}, r"window ≤ 1 s"),
        ({"log_floor": 0.0}, r"log_floor > 0"),
        ({"log_floor": float("nan")}, r"log_floor > 0"),
        ({"n_mels": 0}, r"n_mels"),
    ],
)
def test_impossible_settings_are_named(function, given: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        function(noise(), RATE, **given)


def test_settings_check_themselves() -> None:
    with pytest.raises(ConfigError, match="sample_rate from 4000"):
        Settings(sample_rate=3999, f_max=1000)
    with pytest.raises(ConfigError, match="'utterance' or 'none'"):
        Settings(normalise="sometimes")  # type: ignore[arg-type]


OTHERS = {
    "sample_rate": 22050,
    "n_mels": 81,
    "window": 0.03,
    "hop": 0.011,
    "f_min": 21.0,
    "f_max": 7999.0,
    "log_floor": 2e-6,
    "normalise": "none",
}


def test_the_fingerprint_changes_with_every_setting() -> None:
    assert OTHERS.keys() == {field.name for field in dataclasses.fields(Settings)}
    found = {Settings().fingerprint} | {
        dataclasses.replace(Settings(), **{name: value}).fingerprint for name, value in OTHERS.items()
    }
    assert len(found) == 1 + len(OTHERS)


def test_the_fingerprint_of_a_stored_model_stays() -> None:
    """Changing what a default setting means, or how it is hashed, makes every stored model unusable."""
    assert Settings().fingerprint == "dc4b559fd6e3f4b1"
    assert Settings(f_min=20, f_max=8000).fingerprint == Settings().fingerprint
