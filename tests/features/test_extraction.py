"""`features.extract`: sources, batches, settings, outputs, and what it refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import speechgru
from speechgru import features
from speechgru.errors import AudioError, ConfigError
from speechgru.features import Features

RATE = 16000
rng = np.random.default_rng(0)
SOUND = (0.1 * rng.standard_normal((2, RATE))).astype(np.float32)
MONO = SOUND.mean(axis=0)


def test_it_says_what_it_found() -> None:
    found = features.extract(MONO, sample_rate=RATE)
    assert isinstance(found, Features) and isinstance(found.values, torch.Tensor)
    assert (found.kind, found.sample_rate, found.unit) == ("log_mel", RATE, "ln power")
    assert found.values.shape == (101, 80) and found.values.dtype == torch.float32 and found.lengths is None
    assert len(found.bins) == 80 and found.frame_seconds == 0.01
    np.testing.assert_allclose(found.times, np.arange(101) * 0.01)


def test_times_are_the_middles_of_the_windows() -> None:
    """A click shows in the frame whose time it has."""
    click = np.zeros(RATE, np.float32)
    click[8000] = 0.9
    for preset in (None, "kaldi"):
        found = features.extract(click, sample_rate=RATE, preset=preset, output="numpy", hop=0.005)
        heard = found.times[found.values.sum(axis=1) > found.values.sum(axis=1).min() + 1]
        assert np.mean(heard) == pytest.approx(0.5, abs=0.003)


def test_every_source_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, SOUND.T, RATE, "FLOAT")
    expected = features.extract(MONO, sample_rate=RATE).values
    for source in (path, str(path), io.BytesIO(path.read_bytes())):
        torch.testing.assert_close(features.extract(source).values, expected, atol=1e-5, rtol=0)
    for source in (SOUND, torch.from_numpy(SOUND), MONO.astype(np.float64)):
        found = features.extract(source, sample_rate=RATE).values
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_channels_can_be_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, SOUND.T, RATE, "FLOAT")
    expected = features.extract(list(SOUND), "mfcc", sample_rate=RATE).values
    array = features.extract(SOUND, "mfcc", sample_rate=RATE, channels="each")
    file = features.extract(path, "mfcc", channels="each")
    for found in (array, file):
        assert found.lengths.tolist() == [101, 101]
        torch.testing.assert_close(found.values, expected)
    assert not torch.allclose(expected[0], expected[1])
    assert features.extract(MONO, "mfcc", sample_rate=RATE, channels="each").values.shape == (1, 101, 13)


def test_a_padded_batch_is_cut_at_its_lengths() -> None:
    batch = np.stack([MONO, MONO])
    batch[1, 5000:] = np.nan
    found = features.extract(batch, sample_rate=RATE, lengths=torch.tensor([RATE, 5000]), output="numpy")
    alone = features.extract(MONO[:5000], sample_rate=RATE, output="numpy").values
    assert isinstance(found.lengths, np.ndarray) and found.lengths.tolist() == [101, 32]
    np.testing.assert_allclose(found.values[1, :32], alone, atol=1e-5)
    assert not found.values[1, 32:].any()


def test_a_list_may_mix_files_and_arrays(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, MONO, RATE, "FLOAT")
    found = features.extract([path, MONO[:8000]], sample_rate=RATE)
    assert found.lengths.tolist() == [101, 51]


def test_other_rates_are_resampled_to_the_one_set() -> None:
    found = features.extract(MONO, sample_rate=RATE, rate=8000, f_max=4000.0)
    assert found.sample_rate == 8000 and found.settings["rate"] == 8000 and len(found.values) == 101


def test_blocks_of_a_file_are_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, MONO, RATE, "FLOAT")
    expected = features.extract(MONO, sample_rate=RATE, output="numpy").values
    for source, rate in ((path, None), (MONO, RATE)):
        parts = list(features.stream(source, sample_rate=rate, output="numpy", block_seconds=0.13))
        assert len(parts) > 5
        np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-5)


def test_wrong_settings_show_before_the_first_block() -> None:
    with pytest.raises(ConfigError, match="normalise='utterance' needs"):
        features.stream(MONO, sample_rate=RATE, normalise="utterance")
    with pytest.raises(ConfigError, match="Unknown output"):
        features.stream(MONO, sample_rate=RATE, output="jax")


def test_its_settings_survive_json() -> None:
    first = features.extract(MONO, "deltas", sample_rate=RATE, preset="kaldi", order=1)
    again = features.extract(MONO, first.kind, sample_rate=RATE, **json.loads(json.dumps(first.settings)))
    assert torch.equal(first.values, again.values) and first.settings == again.settings


def test_each_kind_is_a_function_of_the_package() -> None:
    assert set(features.kinds()) <= set(speechgru.__all__)
    for kind in features.kinds():
        function = getattr(speechgru, kind)
        assert function.__name__ == kind and kind in function.__doc__
    expected = features.extract(MONO, "mfcc", sample_rate=RATE, n_mfcc=5, output="numpy").values
    np.testing.assert_array_equal(speechgru.mfcc(MONO, RATE, n_mfcc=5, output="numpy"), expected)


def test_the_package_offers_what_it_says() -> None:
    for module in (speechgru, features):
        assert all(hasattr(module, name) for name in module.__all__)
        assert set(module.__all__) <= set(dir(module))
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = module.nothing


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "mfc"}, r"Unknown kind of feature: 'mfc'\. Did you mean 'mfcc'\? Choices: .*tempogram"),
        ({"n_mel": 40}, r"Unknown key in log_mel: 'n_mel'\. Did you mean 'n_mels'"),
        ({"preset": "kaldy"}, r"Did you mean 'kaldi'\? Choices: htk, kaldi, librosa, whisper"),
        ({"kind": "chroma", "preset": "kaldi"}, r"kind for the preset kaldi: 'chroma'.*log_mel"),
        ({"output": "jax"}, "Unknown output: 'jax'. Choices: torch, numpy"),
        ({"rate": 8000, "f_max": 8000.0}, "don't fit a rate of 8000 Hz.*≤ 4000"),
        ({"kind": "kaldi_fbank", "f_max": 9000.0}, "f_max=9000 Hz don't fit a rate of 16000 Hz"),
        ({"kind": "cqt", "rate": 8000}, r"84 bins from 32\.7032 Hz .* below rate / 2 = 4000 Hz"),
        ({"kind": "contrast", "rate": 8000}, r"begin as high as 6400 Hz"),
        ({"kind": "pitch", "f_min": 30.0}, r"fewer than three periods of f_min=30 Hz"),
        ({"kind": "pitch", "f_max": 5000.0}, r"f_max ≤ rate / 4 = 4000"),
        ({"n_fft": 256}, "even n_fft of at least the window's 400 samples"),
        ({"drop_last": True, "padding": "none"}, "drop_last goes with padding"),
        ({"kind": "cmvn", "mode": "global"}, r"takes mean=\[\.\.\.\]"),
        ({"kind": "cmvn", "mode": "global", "mean": [1.0], "deviation": [1.0]}, "each of 80 bins; got 1"),
        ({"kind": "cmvn", "mode": "global", "mean": [1.0]}, "as many deviations as means, 1; got 0"),
        ({"kind": "cmvn", "base": "beats"}, "beats finds events"),
        ({"kind": "deltas", "base": "mfc"}, "Did you mean 'mfcc'"),
        ({"kind": "deltas", "width": 4}, "odd width"),
        ({"kind": "kaldi_mfcc", "n_mfcc": 24}, r"n_mfcc must lie in 1\.\.n_mels \(23\); got 24"),
        ({"kind": "tempo", "start_bpm": 0.0}, "start_bpm > 0"),
        ({"kind": None}, "Unknown kind of feature: 'None'"),
        ({"preset": 3}, "Unknown preset: '3'"),
    ],
)
def test_impossible_wishes_are_named(given: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        features.extract(MONO, sample_rate=RATE, **given)


NAN = np.where(np.arange(RATE) == 700, np.nan, MONO).astype(np.float32)


@pytest.mark.parametrize(
    ("source", "given", "message"),
    [
        (MONO, {}, "sample_rate=HERTZ"),
        (
            MONO[:399],
            {"sample_rate": RATE},
            r"at least one window, 400 samples \(0\.025 s at 16000 Hz\); got 399",
        ),
        (MONO[:0], {"sample_rate": RATE}, "no samples"),
        (NAN, {"sample_rate": RATE}, "NaN or Inf"),
        (NAN - np.float32(np.inf), {"sample_rate": RATE}, "NaN or Inf"),
        (MONO * 32768, {"sample_rate": RATE}, r"expected \[-1, 1\]"),
        (SOUND[None], {"sample_rate": RATE}, r"3 dimensions.*lengths=.*list of arrays"),
        (SOUND.T, {"sample_rate": RATE}, r"Pass array\.T"),
        (SOUND.T, {"sample_rate": RATE, "channels": "each"}, r"Pass array\.T"),
        (SOUND, {"sample_rate": RATE, "channels": "all"}, "Unknown value of channels: 'all'.*mix, each"),
        (SOUND, {"sample_rate": RATE, "lengths": [RATE]}, r"don't fit.*\(2, 16000\)"),
        (SOUND, {"sample_rate": RATE, "lengths": [RATE, RATE + 1]}, "don't fit"),
        (SOUND, {"sample_rate": RATE, "lengths": [RATE, 0]}, "don't fit"),
        (SOUND, {"sample_rate": RATE, "lengths": RATE}, "don't fit"),
        ("nowhere.wav", {}, r"nowhere\.wav"),
        ("nowhere.wav", {"sample_rate": 8000}, "states its own sampling rate"),
        ("nowhere.wav", {"lengths": [1]}, r"one array \[batch, time\]"),
        ([], {}, "one or more"),
        ([0.1, 0.2], {"sample_rate": RATE}, r"numpy\.array\(samples\)"),
        (3, {}, "Got int; expected a path"),
        (MONO, {"sample_rate": 300}, "from 4000"),
    ],
)
def test_bad_sources_are_named(source, given: dict, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        features.extract(source, **given)


def test_a_file_that_is_too_short_is_refused_in_blocks_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", MONO[:100], RATE)
    with pytest.raises(AudioError, match="at least one window, 400 samples"):
        features.extract(tmp_path / "short.wav")


def test_a_tensor_is_left_alone() -> None:
    source = torch.from_numpy(MONO.copy()).requires_grad_()
    found = features.extract(source, sample_rate=RATE).values
    assert not found.requires_grad and torch.equal(source, torch.from_numpy(MONO))


@pytest.mark.gpu
def test_a_tensor_on_a_gpu_stays_there() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    for kind in ("log_mel", "kaldi_mfcc", "pitch", "deltas", "cmvn", "energy"):
        found = features.extract(torch.from_numpy(MONO).cuda(), kind, sample_rate=RATE).values
        expected = features.extract(MONO, kind, sample_rate=RATE).values
        assert found.is_cuda
        torch.testing.assert_close(found.cpu(), expected, atol=1e-3, rtol=1e-3)


def test_an_error_says_which_recording_of_a_batch(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, MONO[:100], RATE)
    with pytest.raises(AudioError, match=r"short\.wav: Expected at least one window"):
        features.extract([MONO, path], sample_rate=RATE)
    with pytest.raises(AudioError, match=r"^recording 1: Expected at least one window"):
        features.extract([MONO, MONO[:100]], sample_rate=RATE)
    with pytest.raises(AudioError, match=r"^Expected at least one window"):
        features.extract(MONO[:100], sample_rate=RATE)


def test_channels_of_a_batch_are_refused() -> None:
    for batch, lengths in (([SOUND], None), (SOUND, [RATE, RATE])):
        with pytest.raises(AudioError, match="of one recording"):
            features.extract(batch, sample_rate=RATE, lengths=lengths, channels="each")


def test_a_module_takes_floats_of_64_bits_and_nothing_else() -> None:
    module = features.transform("log_mel")
    expected = module(torch.from_numpy(MONO))[0]
    torch.testing.assert_close(module(torch.from_numpy(MONO).double())[0], expected)
    stream = features.Streaming(module)
    blocks = [stream.add(torch.from_numpy(MONO).double()), stream.finish()[0]]
    torch.testing.assert_close(torch.cat(blocks), expected[0], atol=1e-5, rtol=0)
    for wrong in (MONO, torch.zeros(RATE, dtype=torch.int16)):
        with pytest.raises(AudioError, match="tensor of floats"):
            module(wrong)
