"""What every kind promises: shape, type, finite numbers, settings that repeat it, blocks and batches that agree."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rows import check_rows

from speechgru import features
from speechgru.errors import AudioError, ConfigError
from speechgru.features import LogMel
from speechgru.features.base import ArrayTransform
from speechgru.features.frontend import Settings
from speechgru.utils import schema

KINDS = features.kinds()
RATE = 22050


def sound(seconds: float = 1.5, rate: int = RATE, seed: int = 0) -> torch.Tensor:
    """A tone of 220 Hz with overtones, a stroke each quarter second, and noise."""
    time = torch.arange(round(seconds * rate)) / rate
    tone = sum(torch.sin(2 * torch.pi * 220 * k * time) / k for k in range(1, 6))
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(seed))
    return 0.1 * tone + 0.2 * noise * torch.exp(-30 * (time % 0.25)) + 0.01 * noise


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    assert found.shape == expected.shape
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(found / scale, expected / scale, atol=tolerance, rtol=0)


# Settings that let each kind work in blocks where its defaults don't.
LOCAL = {
    "cmvn": {"mode": "sliding", "window": 20, "min_window": 10},
    "chroma": {"tuning": 0.0},
    "contrast": {"linear": True},
}
STREAMED = [k for k in KINDS if features.transform(k, **LOCAL.get(k, {})).whole is None]


def test_only_these_need_the_whole_recording() -> None:
    assert set(KINDS) - set(STREAMED) == {
        "beats",
        "cqt",
        "onset_strength",
        "onsets",
        "tempo",
        "tempogram",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_finite_and_have_the_shape_that_bins_and_times_say(kind: str) -> None:
    found = features.extract(sound(), kind, sample_rate=RATE)
    assert found.values.dtype == torch.float32 and found.values.dim() == 2
    assert found.values.shape[1] == len(found.bins) and found.values.isfinite().all()
    assert len(set(map(type, found.bins))) == 1 and found.unit
    if found.frame_seconds is not None:
        assert len(found.values) == len(found.times) > 10
        assert found.times[-1] == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_finite(kind: str) -> None:
    found = features.extract(torch.zeros(RATE), kind, sample_rate=RATE)
    assert found.values.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_plain_and_repeat_it(kind: str) -> None:
    first = features.extract(sound(), kind, sample_rate=RATE)
    plain = json.loads(json.dumps(first.settings))
    again = features.extract(sound(), first.kind, sample_rate=RATE, **plain)
    assert torch.equal(first.values, again.values) and first.settings == again.settings


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_has_a_frozen_dataclass_of_settings_and_words(kind: str) -> None:
    entry = features.find(kind)
    assert is_dataclass(entry.settings) and entry.settings.__dataclass_params__.frozen
    assert entry.title and entry.unit and all(field.init for field in fields(entry.settings))
    module = entry.transform(schema.build(entry.settings, {}))
    assert asdict(module.settings).keys() == {field.name for field in fields(entry.settings)}
    # Without settings a class takes the defaults.
    assert entry.transform().settings == module.settings  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_shorter_than_a_window_is_refused(kind: str) -> None:
    module = features.transform(kind)
    assert module.shortest > 100
    with pytest.raises(AudioError, match=f"at least one window, {module.shortest} samples"):
        module(torch.zeros(module.shortest - 1))
    assert module(0.1 * torch.randn(module.shortest))[0].isfinite().all()
    with pytest.raises(AudioError, match=r"\[time\] or \[batch, time\]"):
        module(torch.zeros(1, 1, 9000))


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_batch_each_gets_what_it_gets_alone(kind: str) -> None:
    check_rows(features.transform(kind), [sound(seed=1), sound(0.8, seed=2)], close)


@pytest.mark.parametrize("kind", KINDS)
def test_other_rates_are_resampled(kind: str) -> None:
    time = torch.arange(48000) / 48000
    tones = 0.1 * (torch.sin(2 * torch.pi * 441 * time) + torch.sin(2 * torch.pi * 1000 * time))
    rate = features.transform(kind).rate
    own = 0.1 * sum(torch.sin(2 * torch.pi * f * torch.arange(rate) / rate) for f in (441, 1000))
    found = features.extract(tones, kind, sample_rate=48000).values
    expected = features.extract(own, kind, sample_rate=rate).values
    assert found.shape[1] == expected.shape[1] and abs(len(found) - len(expected)) <= 1
    if len(expected) > 40 and kind not in {"onset_strength", "tempogram"}:  # nothing begins in steady tones
        middle = slice(20, len(expected) - 20)
        level = expected[middle].abs().amax().clamp(min=1e-3)
        assert float((found[middle] - expected[middle]).abs().median() / level) < 0.08


def streamed(module, signal: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    stream, parts, at, turn = features.Streaming(module), [], 0, 0
    while at < len(signal):
        size = sizes[turn % len(sizes)]
        parts.append(stream.add(signal[at : at + size]))
        at, turn = at + size, turn + 1
    return torch.cat([*parts, stream.finish()[0]])


@pytest.mark.parametrize("kind", STREAMED)
@pytest.mark.parametrize("sizes", [[160], [7000, 1, 333], [100000]])
def test_blocks_put_together_are_the_whole(kind: str, sizes: list[int]) -> None:
    module = features.transform(kind, **LOCAL.get(kind, {}))
    if sizes == [160] and isinstance(module, ArrayTransform):
        sizes = [3200]  # librosa takes its time
    signal = sound(1.5, module.rate)
    close(streamed(module, signal, sizes), module.rows(signal[None])[0])


@pytest.mark.parametrize("preset", ["librosa", "whisper", "kaldi", "htk"])
def test_presets_stream_too_where_they_can(preset: str) -> None:
    for kind in sorted(features.PRESETS[preset]):
        module = features.transform(kind, preset=preset)
        signal = sound(1.0, module.rate)
        if module.whole is None:
            close(streamed(module, signal, [997]), module.rows(signal[None])[0])
        else:
            with pytest.raises(ConfigError, match="can't work in blocks"):
                features.Streaming(module)


OPTIONS = st.fixed_dictionaries(
    {
        "window": st.sampled_from([0.016, 0.02, 0.025, 0.0313]),
        "hop": st.sampled_from([0.005, 0.01, 0.0107, 0.016]),
        "padding": st.sampled_from(["zeros", "reflect", "none"]),
        "n_fft": st.sampled_from([0, 600]),
    }
)


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    options=OPTIONS,
    samples=st.integers(700, 9000),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=5),
)
def test_any_frames_in_any_blocks(options: dict, samples: int, sizes: list[int]) -> None:
    module = features.transform("log_mel", **options)
    signal = sound(1.0, 16000)[:samples]
    whole = module.rows(signal[None])[0]
    assert module.framing.frames(samples) == len(whole)
    close(streamed(module, signal, sizes), whole)


def test_kaldi_frames_beyond_the_ends_in_blocks() -> None:
    for hop in (0.01, 0.0125, 0.02):
        module = features.transform("kaldi_fbank", snip_edges=False, hop=hop, energy=True)
        signal = sound(1.0, 16000)[:9999]
        whole = module.rows(signal[None])[0]
        assert module.framing.frames(9999) == len(whole)
        close(streamed(module, signal, [100, 1777]), whole)


def test_a_long_signal_in_blocks_is_the_whole() -> None:
    module = features.transform("mfcc")
    signal = sound(20.0, 16000)
    close(module(signal)[0][0], module.rows(signal[None])[0], 2e-5)


def test_a_batch_streams() -> None:
    module = features.transform("log_mel")
    batch = torch.stack([sound(1.0, 16000, seed) for seed in range(3)])
    stream = features.Streaming(module)
    parts = [stream.add(batch[:, :5000]), stream.add(batch[:, 5000:]), stream.finish()]
    close(torch.cat(parts, dim=1), module(batch)[0])


def test_a_stream_holds_a_few_windows_however_long_it_runs() -> None:
    stream = features.Streaming(features.transform("deltas"))
    held = []
    for _ in range(50):
        stream.add(sound(0.5, 16000))
        held.append(stream._held.shape[1])
    assert stream.samples == 400000 and max(held[1:]) < 3000


def test_the_models_own_log_mel_streams() -> None:
    module = LogMel(Settings(normalise="none"))
    signal = sound(1.0, 16000)
    close(streamed(module, signal, [1000]), module(signal)[0][0])
    with pytest.raises(ConfigError, match="LogMel can't work in blocks: normalise='utterance'"):
        features.Streaming(LogMel())


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("beats", {}, "loudest"),
        ("cmvn", {}, "mode='utterance' needs the mean"),
        ("pitch", {"method": "pyin"}, "best path"),
        ("chroma", {}, "tuning=0.0"),
        ("kaldi_fbank", {"dither": 1.0}, "dither"),
        ("deltas", {"base": "log_mel", "base_settings": {"normalise": "utterance"}}, "normalise='utterance'"),
    ],
)
def test_what_needs_the_whole_says_why(kind: str, given: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"can't work in blocks: .*{message}"):
        features.Streaming(features.transform(kind, **given))


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(AudioError, match="at least one window"):
        features.Streaming(features.transform("log_mel")).finish()


@pytest.mark.parametrize(
    "kind", ["spectrogram", "mel", "log_mel", "mfcc", "lfcc", "kaldi_fbank", "kaldi_mfcc", "deltas", "cmvn"]
)
def test_gradients_flow(kind: str) -> None:
    signal = sound(0.2, 16000).requires_grad_()
    values, _ = features.transform(kind)(signal)
    (gradient,) = torch.autograd.grad(values.square().sum(), signal)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_a_gradient_is_right() -> None:
    module = features.transform("log_mel", n_mels=4, window=0.004, hop=0.004, log_floor=1e-3).double()
    signal = 0.3 * torch.randn(70, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    signal.requires_grad_()
    torch.autograd.gradcheck(lambda x: module(x)[0], signal, atol=1e-4)


def test_bands_peak_where_their_centres_are() -> None:
    from librosa import mel_frequencies

    for scale, htk in (("htk", True), ("slaney", False)):
        found = features.transform("mel", mel_scale=scale, n_mels=40, f_min=50.0, f_max=7000.0).bins
        np.testing.assert_allclose(found, mel_frequencies(42, fmin=50, fmax=7000, htk=htk)[1:-1], rtol=1e-4)
