"""Features of sounds whose features are known: tones, clicks, ramps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import speechgru
from speechgru import features

RATE = 22050
TIME = torch.arange(3 * RATE) / RATE


def tone(hertz: float, amplitude: float = 0.5) -> torch.Tensor:
    return amplitude * torch.sin(2 * torch.pi * hertz * TIME)


def voice(f0: torch.Tensor, rate: int) -> torch.Tensor:
    """Eight harmonics of the course `f0` in Hz, [time]."""
    phase = 2 * torch.pi * torch.cumsum(f0.double(), 0) / rate
    return (0.1 * sum(torch.sin(k * phase) / k for k in range(1, 9))).float()


def clicks(per_second: float, seconds: float = 8.0) -> torch.Tensor:
    """Short bursts, the first after half a period."""
    time = torch.arange(round(seconds * RATE)) / RATE
    since = (time - 0.5 / per_second) % (1 / per_second)
    return 0.5 * torch.sin(2 * torch.pi * 1500 * time) * torch.exp(-60 * since)


def middle(values: torch.Tensor) -> torch.Tensor:
    return values[10:-10]


def test_a_tone_in_each_measure_of_a_spectrum() -> None:
    sound = tone(1000)
    assert float(middle(speechgru.energy(sound, RATE)).mean()) == pytest.approx(0.5 / 2**0.5, rel=1e-3)
    loudness = speechgru.energy(sound, RATE, db=True)
    assert float(middle(loudness).mean()) == pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.01)
    assert float(middle(speechgru.zero_crossings(sound, RATE)).mean()) == pytest.approx(2000 / RATE, rel=0.01)
    # The window leaks, to more bins above than below.
    assert float(speechgru.centroid(sound, RATE).median()) == pytest.approx(1000, rel=0.02)
    assert float(speechgru.rolloff(sound, RATE).median()) == pytest.approx(1000, abs=2 * RATE / 2048)
    noise = 0.1 * torch.randn(len(TIME), generator=torch.Generator().manual_seed(0))
    for measure in (speechgru.bandwidth, speechgru.zero_crossings, speechgru.centroid):
        assert float(measure(sound, RATE).mean()) < 0.5 * float(measure(noise, RATE).mean())
    # A tone stands out of its octave; noise does not.
    band = 3  # 800 to 1600 Hz
    high, low = (speechgru.contrast(s, RATE)[:, band].mean() for s in (sound + 0.01 * noise, noise))
    assert float(high) > float(low) + 10


def test_a_tone_is_in_its_bin() -> None:
    found = features.extract(tone(440), "spectrogram", sample_rate=RATE)
    assert found.bins[int(found.values.mean(dim=0).argmax())] == pytest.approx(440, abs=16)
    for kind in ("mel", "log_mel"):
        found = features.extract(tone(440), kind, sample_rate=RATE)
        assert found.bins[int(found.values.mean(dim=0).argmax())] == pytest.approx(440, abs=20)
    found = features.extract(tone(440), "cqt", sample_rate=RATE)
    assert found.bins[int(found.values.mean(dim=0).argmax())] == pytest.approx(440, rel=0.001)
    found = features.extract(tone(440), "chroma", sample_rate=RATE)
    assert found.bins[int(found.values.mean(dim=0).argmax())] == "A"


def test_power_is_what_parseval_says() -> None:
    """The power of a frame over all bins, both sides, is n_fft times its windowed energy."""
    sound = 0.1 * torch.randn(4000, generator=torch.Generator().manual_seed(0))
    power = speechgru.spectrogram(sound, 16000, padding="none", shape="rectangular", window=0.032, hop=0.032)
    total = power[:, 0] + power[:, -1] + 2 * power[:, 1:-1].sum(dim=1)
    energy = sound.unfold(0, 512, 512).square().sum(dim=1)
    torch.testing.assert_close(total, 512 * energy, rtol=1e-4, atol=0)
    amplitude = speechgru.spectrogram(
        sound, 16000, padding="none", shape="rectangular", window=0.032, hop=0.032, power=1.0
    )
    torch.testing.assert_close(amplitude.square(), power, rtol=1e-4, atol=1e-6)


def test_deltas_are_slopes() -> None:
    """Sound that grows by a factor e each second has log bands that grow by 2 each second."""
    time = torch.arange(16000) / 16000
    noise = torch.randn(160, generator=torch.Generator().manual_seed(0)).repeat(
        100
    )  # the same in every frame
    found = features.extract(
        0.05 * noise * torch.exp(2 * time),
        "deltas",
        sample_rate=16000,
        base="log_mel",
        base_settings={"log_floor": 1e-20, "n_mels": 20},
        order=2,
    )
    slope, curve = found.values[10:-10, 20:40], found.values[10:-10, 40:]
    torch.testing.assert_close(slope, torch.full_like(slope, 2 * 2 * 0.01), atol=1e-3, rtol=0)
    torch.testing.assert_close(curve, torch.zeros_like(curve), atol=1e-3, rtol=0)
    assert found.bins[20].startswith("Δ ") and found.bins[40].startswith("Δ2 ") and len(found.bins) == 60
    alone = features.extract(0.1 * noise, "deltas", sample_rate=16000, static=False, order=1)
    assert alone.bins == tuple(f"Δ c{n}" for n in range(13)) and alone.values.shape[1] == 13


def test_cmvn_gives_mean_0_and_deviation_1() -> None:
    sound = 0.1 * torch.randn(32000, generator=torch.Generator().manual_seed(0))
    plain = speechgru.mfcc(sound, 16000)
    options = {"base": "mfcc", "sample_rate": 16000}
    values = speechgru.cmvn(sound, **options)
    torch.testing.assert_close(values.mean(dim=0), torch.zeros(13), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(dim=0, correction=0), torch.ones(13), atol=1e-4, rtol=0)
    centred = speechgru.cmvn(sound, variance=False, **options)
    torch.testing.assert_close(centred, plain - plain.mean(dim=0))
    corpus = {
        "mode": "global",
        "mean": plain.mean(dim=0).tolist(),
        "deviation": plain.std(dim=0, correction=0).tolist(),
    }
    torch.testing.assert_close(speechgru.cmvn(sound, **corpus, **options), values, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("variance", [True, False])
@pytest.mark.parametrize(("window", "least"), [(30, 10), (500, 100), (7, 7)])
def test_sliding_cmvn_is_torchaudios(center: bool, variance: bool, window: int, least: int) -> None:
    from torchaudio.functional import sliding_window_cmn

    sound = 0.1 * torch.randn(32000, generator=torch.Generator().manual_seed(0))
    expected = sliding_window_cmn(speechgru.mfcc(sound, 16000), window, least, center, variance)
    found = speechgru.cmvn(
        sound,
        16000,
        base="mfcc",
        mode="sliding",
        window=window,
        min_window=least,
        center=center,
        variance=variance,
    )
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-3)


def test_liftered_cepstra() -> None:
    sound = 0.1 * torch.randn(8000, generator=torch.Generator().manual_seed(0))
    plain, lifted = speechgru.mfcc(sound, 16000), speechgru.mfcc(sound, 16000, lifter=22.0)
    weights = 1 + 11 * np.sin(np.pi * np.arange(13) / 22)
    np.testing.assert_allclose(lifted, plain.numpy() * weights, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", ["nccf", "pyin"])
def test_pitch_follows_a_glide(method: str) -> None:
    seconds = 2.0 if method == "nccf" else 0.6  # pyin takes its time
    count = round(seconds * 16000)
    f0 = 100 * 2 ** (2 * torch.arange(count) / count)
    found = features.extract(voice(f0, 16000), "pitch", sample_rate=16000, method=method, output="numpy")
    hertz, voicing = found.values[5:-5].T
    expected = np.interp(found.times[5:-5], np.arange(count) / 16000, f0)
    cents = 1200 * np.log2(hertz / expected)
    assert found.bins == ("f0", "voicing")
    # pyin goes in steps of 10 cents, its path lags, and its probabilities are low.
    limit, least = {"nccf": (15, 0.9), "pyin": (60, 0.1)}[method]
    assert np.abs(cents).max() < limit
    assert voicing.max() <= 1 and np.median(voicing) > least


@pytest.mark.parametrize("f0", [65.0, 82.4, 123.5, 220.0, 440.0, 987.8])
def test_pitch_without_octave_errors(f0: float) -> None:
    course = torch.full((8000,), f0)
    values = speechgru.pitch(voice(course, 16000), 16000)[5:-5]
    assert (1200 * torch.log2(values[:, 0] / f0)).abs().max() < 8 and values[:, 1].min() > 0.9


def test_noise_and_silence_have_no_pitch() -> None:
    noise = 0.1 * torch.randn(32000, generator=torch.Generator().manual_seed(0))
    values = speechgru.pitch(noise, 16000)
    assert float((values[:, 0] > 0).float().mean()) < 0.05 and float(values[:, 1].max()) < 0.7
    assert not speechgru.pitch(torch.zeros(16000), 16000).any()


def test_beats_of_clicks() -> None:
    sound = clicks(2.0)
    assert float(speechgru.tempo(sound, RATE)) == pytest.approx(120, rel=0.03)
    beats = speechgru.beats(sound, RATE)[:, 0]
    assert (beats.diff() - 0.5).abs().max() < 0.05
    onsets = speechgru.onsets(sound, RATE)[:, 0]
    assert len(onsets) in (15, 16)
    assert (((onsets - 0.25 + 0.25) % 0.5) - 0.25).abs().max() < 0.06
    strength = features.extract(sound, "onset_strength", sample_rate=RATE, output="numpy")
    loudest = strength.times[strength.values[:, 0].argmax()]
    assert abs((loudest - 0.25 + 0.25) % 0.5 - 0.25) < 0.06
    found = features.extract(sound, "tempogram", sample_rate=RATE, output="numpy")
    assert found.bins[11 + found.values[:, 11:33].mean(axis=0).argmax()] == pytest.approx(120, rel=0.06)


def test_no_beats_in_silence() -> None:
    found = features.extract([torch.zeros(RATE), clicks(2.0)], "beats", sample_rate=RATE)
    assert found.lengths[0] == 0 and found.lengths[1] > 10 and found.times is None
    assert speechgru.onsets(torch.zeros(RATE), RATE).shape == (0, 1)


def test_parts_add_up_and_are_apart() -> None:
    steady, strokes = tone(440, 0.3), clicks(4.0, 3.0)
    harmonic, percussive = speechgru.separate(steady + strokes, RATE)
    torch.testing.assert_close(harmonic + percussive, steady + strokes, atol=1e-3, rtol=0)

    def alike(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(torch.nn.functional.cosine_similarity(a, b, dim=0))

    assert alike(harmonic, steady) > 0.95 and alike(percussive, strokes) > 0.8
    values = features.extract(steady + strokes, "harmonic", sample_rate=RATE)
    assert values.bins[int(values.values.mean(dim=0).argmax())] == pytest.approx(440, abs=11)


def test_dither_is_off_unless_asked_for() -> None:
    sound = tone(300)[:8000]
    assert torch.equal(speechgru.kaldi_fbank(sound, 16000), speechgru.kaldi_fbank(sound, 16000))
    first, second = (speechgru.kaldi_fbank(sound, 16000, dither=1.0) for _ in range(2))
    assert not torch.equal(first, second)


def test_kaldi_energy_has_its_place() -> None:
    sound = tone(300)[:8000]
    plain = features.extract(sound, "kaldi_fbank", sample_rate=16000)
    first = features.extract(sound, "kaldi_fbank", sample_rate=16000, energy=True)
    last = features.extract(sound, "kaldi_fbank", sample_rate=16000, energy=True, htk_compat=True)
    assert first.bins[0] == last.bins[-1] == "log energy"
    torch.testing.assert_close(first.values[:, 1:], plain.values)
    torch.testing.assert_close(last.values[:, :-1], plain.values)
    frame = sound[:400].double() * 32768
    expected = float((frame - frame.mean()).square().sum().log())
    assert float(first.values[0, 0]) == float(last.values[0, -1]) == pytest.approx(expected, rel=1e-4)
    mfcc = features.extract(sound, "kaldi_mfcc", sample_rate=16000)
    torch.testing.assert_close(mfcc.values[:, 0], first.values[:, 0])
