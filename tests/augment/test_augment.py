"""Each change against its theory: pitches and durations, ratios and reverberation times, bands, masks."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args, get_type_hints

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speechgru.audio import mix
from speechgru.augment import channel, choose, reverb, specaugment, speed, uniform
from speechgru.config.recipe import AugmentConfig

RATE = 16000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stretches(gone: Tensor) -> list[int]:
    """Lengths of the runs of true in `gone` [n]."""
    runs, length = [], 0
    for value in [*gone.tolist(), False]:
        if value:
            length += 1
        elif length:
            runs.append(length)
            length = 0
    return runs


def masked(frames: int, bands: int, seed: int, time: tuple[int, int], frequency: tuple[int, int]) -> Tensor:
    """Ones [frames, bands], masked by (number, most) along time and along frequency."""
    return specaugment.mask(
        torch.ones(frames, bands),
        seeded(seed),
        time_masks=time[0],
        time_mask_max=time[1],
        frequency_masks=frequency[0],
        frequency_mask_max=frequency[1],
    )


def tone(frequency: float, seconds: float = 1.0) -> Tensor:
    return torch.sin(2 * math.pi * frequency * torch.arange(round(seconds * RATE)) / RATE)


def peak(signal: Tensor) -> float:
    """The frequency of most power, in Hz."""
    spectrum = torch.fft.rfft(signal * torch.hann_window(len(signal))).abs()
    return float(spectrum.argmax()) * RATE / len(signal)


def power(signal: Tensor) -> float:
    return float(signal.double().square().mean())


def decibels(ratio: float) -> float:
    return 10 * math.log10(ratio)


def speech_like(seconds: float = 1.0) -> Tensor:
    """Harmonics of 120 Hz up to 3 kHz that swell and fade, in [-0.5, 0.5]."""
    harmonics = sum(tone(120.0 * n, seconds) / n for n in range(1, 26))
    swell = 0.5 - 0.5 * torch.cos(2 * math.pi * 3 * torch.arange(len(harmonics)) / RATE)
    return 0.5 * harmonics * swell / harmonics.abs().max()


# --- drawing


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 1.25, 2.0])
@pytest.mark.parametrize("pitch", [440.0, 2500.0])
def test_speed_changes_duration_and_pitch(factor: float, pitch: float) -> None:
    tone = torch.sin(2 * math.pi * pitch * torch.arange(2 * RATE) / RATE)
    changed = speed.speed(tone, factor)
    assert len(changed) == math.ceil(len(tone) / factor)
    spectrum = torch.fft.rfft(changed * torch.hann_window(len(changed))).abs()
    found = float(spectrum.argmax()) * RATE / len(changed)
    assert found == pytest.approx(pitch * factor, abs=RATE / len(changed))
    inner = changed[1000:-1000]
    assert float(inner.square().mean()) == pytest.approx(0.5, rel=0.02)


def test_speed_removes_what_would_alias() -> None:
    tone = torch.sin(2 * math.pi * 7000 * torch.arange(RATE) / RATE)
    assert float(speed.speed(tone, 2.0)[500:-500].abs().max()) < 0.01


def test_speed_1_is_the_signal_itself() -> None:
    signal = torch.randn(100)
    assert speed.speed(signal, 1.0) is signal


def test_choose_draws_every_option_evenly_and_by_the_generator() -> None:
    options = [0.9, 1.0, 1.1]
    generator = seeded()
    drawn = [choose(options, generator) for _ in range(3000)]
    assert all(900 < drawn.count(option) < 1100 for option in options)
    generator = seeded()
    assert drawn[:50] == [choose(options, generator) for _ in range(50)]


def test_uniform_fills_its_range() -> None:
    generator = seeded()
    drawn = [uniform((5.0, 25.0), generator) for _ in range(2000)]
    assert 5 <= min(drawn) < 5.1 and 24.9 < max(drawn) <= 25
    assert sum(drawn) / 2000 == pytest.approx(15, abs=0.5)


# --- tempo and pitch


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 1.25, 2.0])
def test_tempo_changes_duration_and_leaves_the_pitch(factor: float) -> None:
    changed = speed.tempo(tone(440.0, 2.0), factor, RATE)
    assert len(changed) == math.ceil(2 * RATE / factor)
    assert peak(changed) == pytest.approx(440.0, abs=2 * RATE / len(changed))
    assert power(changed[2000:-2000]) == pytest.approx(0.5, rel=0.05)


def test_tempo_moves_events() -> None:
    signal = torch.cat([torch.zeros(RATE), tone(500.0, 0.5), torch.zeros(RATE // 2)])
    changed = speed.tempo(signal, 1.25, RATE)
    loud = torch.nonzero(changed.abs() > 0.3)[:, 0]
    assert float(loud[0]) / RATE == pytest.approx(1.0 / 1.25, abs=0.03)
    assert float(loud[-1]) / RATE == pytest.approx(1.5 / 1.25, abs=0.03)


@pytest.mark.parametrize("semitones", [-4.0, -1.0, 2.0, 12.0])
def test_pitch_changes_and_the_duration_stays(semitones: float) -> None:
    changed = speed.pitch(tone(440.0, 2.0), semitones, RATE)
    assert len(changed) == 2 * RATE
    assert peak(changed) == pytest.approx(440.0 * round(2 ** (semitones / 12), 2), abs=1.0)


def test_no_change_of_pace_is_the_signal_itself() -> None:
    signal = torch.randn(100)
    assert speed.tempo(signal, 1.0) is signal and speed.pitch(signal, 0.0) is signal


@pytest.mark.parametrize("length", [0, 1, 50, 700])
def test_pace_takes_any_length(length: int) -> None:
    signal = torch.randn(length, generator=seeded())
    assert len(speed.tempo(signal, 0.8)) == math.ceil(length / 0.8)
    assert len(speed.pitch(signal, 3.0)) == length


# --- noise


@given(snr=st.floats(-20, 60), loud=st.floats(1e-3, 1.0), seed=st.integers(0, 100))
def test_the_ratio_is_the_one_asked_for(snr: float, loud: float, seed: int) -> None:
    signal = tone(300.0, 0.5).double()
    beside = loud * torch.randn(len(signal), generator=seeded(seed), dtype=torch.float64)
    added = mix.add(signal, beside, snr) - signal
    assert decibels(power(signal) / power(added)) == pytest.approx(snr, abs=0.01)


def test_faint_noise_is_noise_too_and_silence_changes_nothing() -> None:
    signal, faint = tone(300.0, 0.2), 1e-25 * torch.randn(3200, generator=seeded())
    assert decibels(power(signal) / power(mix.add(signal, faint, 10.0) - signal)) == pytest.approx(
        10, abs=0.1
    )
    silence = torch.zeros(3200)
    assert mix.add(signal, silence, 10.0) is signal
    assert mix.add(silence, signal, 10.0) is silence


@given(length=st.integers(1, 50), size=st.integers(1, 50), seed=st.integers(0, 100))
def test_fit_takes_a_stretch_or_goes_round(length: int, size: int, seed: int) -> None:
    found = mix.fit(torch.arange(size), length, seeded(seed))
    assert len(found) == length
    steps = set((found[1:] - found[:-1]).tolist())
    assert steps <= ({1} if length <= size else {1, 1 - size, 0 if size == 1 else 1})


def test_fit_starts_anywhere() -> None:
    assert {int(mix.fit(torch.arange(10), 4, seeded(s))[0]) for s in range(200)} == set(range(7))
    assert {int(mix.fit(torch.arange(3), 4, seeded(s))[0]) for s in range(50)} == {0, 1, 2}


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_coloured_noise_falls_as_it_should(exponent: float) -> None:
    found = mix.coloured(1 << 17, exponent, seeded(3))
    assert power(found) == pytest.approx(1.0, rel=1e-4)
    spectrum = torch.fft.rfft(found.double()).abs().square()
    octaves = [float(spectrum[2**k : 2 ** (k + 1)].mean()) for k in range(6, 16)]
    slopes = [math.log2(b / a) for a, b in pairwise(octaves)]
    assert sum(slopes) / len(slopes) == pytest.approx(-exponent, abs=0.1)


# --- rooms


@pytest.mark.parametrize("t60", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("direct", [-3.0, 10.0])
def test_a_simulated_room_decays_in_its_time(t60: float, direct: float) -> None:
    response = reverb.impulse_response(t60, direct, RATE, seeded(1))
    tail = response[1:].double().square()
    assert decibels(1 / float(tail.sum())) == pytest.approx(direct, abs=1e-3)
    # Schroeder 1965: the energy still to come falls along a straight line, here from -5 to -25 dB.
    to_come = 10 * torch.log10(tail.flip(0).cumsum(0).flip(0) / tail.sum())
    first, last = (int((to_come > level).sum()) for level in (-5.0, -25.0))
    assert 3 * (last - first) / RATE == pytest.approx(t60, rel=0.12)


def test_a_room_does_not_delay() -> None:
    signal = torch.randn(2000, generator=seeded())
    flight = torch.zeros(700)
    flight[300] = -0.4
    heard = reverb.reverberate(signal, flight)
    assert torch.allclose(heard, -signal, atol=1e-4)


def test_a_room_is_a_convolution_of_the_same_power() -> None:
    signal, response = torch.randn(500, generator=seeded(1)), torch.tensor([1.0, 0.0, 0.5, -0.25])
    plain = signal.clone()
    plain[2:] += 0.5 * signal[:-2]
    plain[3:] -= 0.25 * signal[:-3]
    heard = reverb.reverberate(signal, response)
    assert power(heard) == pytest.approx(power(signal), rel=1e-4)
    assert torch.allclose(heard / heard[0], plain / plain[0], atol=1e-3)


def test_silence_stays_silent() -> None:
    silence = torch.zeros(100)
    assert reverb.reverberate(silence, torch.ones(3)) is silence
    signal = torch.ones(10)
    assert reverb.reverberate(signal, torch.zeros(3)) is signal


# --- channels


@pytest.mark.parametrize(
    ("frequency", "passes"),
    [(100, False), (190, False), (300, True), (1000, True), (3400, True), (3510, False)],
)
def test_a_band_passes_what_is_inside(frequency: float, passes: bool) -> None:
    signal = tone(frequency)
    inner = slice(1000, -1000)
    changed = channel.band(signal, RATE, 300.0, 3400.0)[inner]
    gain = decibels(power(changed) / power(signal[inner]))
    assert gain == pytest.approx(0, abs=0.1) if passes else gain < -50
    if passes:
        assert torch.allclose(changed, signal[inner], atol=0.01)


def test_a_band_may_be_open_at_either_end() -> None:
    signal = torch.randn(4000, generator=seeded())
    assert torch.allclose(channel.band(signal, RATE, 0.0, 8000.0), signal, atol=1e-4)
    low = channel.band(tone(50.0) + tone(5000.0), RATE, 0.0, 4000.0)
    assert torch.allclose(low[1000:-1000], tone(50.0)[1000:-1000], atol=0.01)


@pytest.mark.parametrize("name", channel.CODECS)
def test_a_codec_keeps_time_and_most_of_the_sound(name: str) -> None:
    signal = speech_like()
    changed = channel.codec(signal, RATE, name)
    assert changed.shape == signal.shape and changed.dtype == signal.dtype
    assert torch.equal(changed, channel.codec(signal, RATE, name))
    assert not torch.allclose(changed, signal, atol=1e-4), "it costs something"
    spectra = torch.fft.rfft(signal, 2 * RATE), torch.fft.rfft(changed, 2 * RATE)
    likeness = torch.fft.irfft(spectra[0].conj() * spectra[1])
    lag = int(likeness.argmax())
    assert min(lag, 2 * RATE - lag) <= 40, "2.5 ms"
    assert float(likeness.max() / (signal.norm() * changed.norm())) > 0.8


def test_mu_law_is_mu_law() -> None:
    from torchaudio.functional import mu_law_decoding, mu_law_encoding

    signal = speech_like()[: RATE // 2]
    changed = channel.codec(signal, 8000, "ulaw")
    formula = mu_law_decoding(
        mu_law_encoding(signal, 256), 256
    )  # the continuous law; G.711 draws it in 8 lines
    assert decibels(power(signal) / power(changed - signal)) == pytest.approx(
        decibels(power(signal) / power(formula - signal)), abs=1.5
    )


def test_codecs_take_any_length_and_overload() -> None:
    assert len(channel.codec(torch.empty(0), RATE, "gsm")) == 0
    assert len(channel.codec(torch.ones(1), RATE, "gsm")) == 1
    loud = channel.codec(4 * tone(400.0), RATE, "ulaw")
    assert 0.9 < float(loud.abs().max()) < 1.3


def test_a_telephone_has_its_band() -> None:
    signal = torch.randn(2 * RATE, generator=seeded()) * 0.1
    spectrum = torch.fft.rfft(channel.telephone(signal, RATE)).abs().square()
    hertz = torch.fft.rfftfreq(2 * RATE, 1 / RATE)

    def density(low: float, high: float) -> float:
        return float(spectrum[(hertz >= low) & (hertz < high)].mean())

    inside = density(400, 3300)
    assert decibels(density(4200, 8000) / inside) < -45
    assert decibels(density(0, 150) / inside) < -25, "what mu-law adds"


def test_a_recipe_names_all_codecs() -> None:
    (names,) = get_args(get_type_hints(AugmentConfig)["codecs"])
    assert set(get_args(names)) == set(channel.CODECS)


# --- masks


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(0, 60),
    bands=st.integers(1, 20),
    seed=st.integers(0, 2**32),
    time=st.tuples(st.integers(0, 5), st.integers(0, 80)),
    frequency=st.tuples(st.integers(0, 4), st.integers(0, 30)),
)
def test_masks_keep_to_their_limits(
    frames: int, bands: int, seed: int, time: tuple[int, int], frequency: tuple[int, int]
) -> None:
    only_time = masked(frames, bands, seed, time, (0, 0))
    rows = (only_time == 0).all(dim=1)
    assert torch.equal(only_time == 0, rows.unsqueeze(1).expand(frames, bands))
    assert int(rows.sum()) <= min(time[0] * time[1], frames // 2)
    assert len(stretches(rows)) <= time[0]

    only_bands = masked(frames, bands, seed, (0, 0), frequency)
    columns = (only_bands == 0).all(dim=0) & (frames > 0)
    assert torch.equal(only_bands == 0, columns.expand(frames, bands))
    assert int(columns.sum()) <= frequency[0] * frequency[1]
    assert len(stretches(columns)) <= frequency[0]

    both = masked(frames, bands, seed, time, frequency)
    assert both.shape == (frames, bands) and set(both.unique().tolist()) <= {0.0, 1.0}


def test_one_mask_takes_every_width_and_reaches_both_ends() -> None:
    by_time = [(masked(40, 3, seed, (1, 4), (0, 0)) == 0)[:, 0] for seed in range(400)]
    by_band = [(masked(3, 12, seed, (0, 0), (1, 5)) == 0)[0] for seed in range(400)]
    assert {int(gone.sum()) for gone in by_time} == {0, 1, 2, 3, 4}
    assert {int(gone.sum()) for gone in by_band} == {0, 1, 2, 3, 4, 5}
    assert torch.stack(by_time).any(dim=0).all() and torch.stack(by_band).any(dim=0).all()
    assert all(len(stretches(gone)) <= 1 for gone in by_time + by_band)


def test_several_masks_are_drawn_independently() -> None:
    counts = [len(stretches((masked(200, 2, seed, (3, 5), (0, 0)) == 0)[:, 0])) for seed in range(100)]
    assert max(counts) == 3
    counts = [len(stretches((masked(2, 100, seed, (0, 0), (2, 5)) == 0)[0])) for seed in range(100)]
    assert max(counts) == 2


def test_at_most_half_of_the_time_is_masked_and_half_can_be() -> None:
    shares = [float((masked(10, 1, seed, (1, 100), (0, 0)) == 0).sum()) / 10 for seed in range(200)]
    assert max(shares) == 0.5


def test_what_is_not_masked_stays_and_the_input_too() -> None:
    features = torch.randn(50, 20, generator=seeded(1)) + 5
    before = features.clone()
    changed = specaugment.mask(
        features, seeded(2), time_masks=2, time_mask_max=10, frequency_masks=2, frequency_mask_max=5
    )
    assert torch.equal(features, before)
    assert (changed == 0).any()
    assert torch.equal(changed[changed != 0], features[changed != 0])


def test_the_generator_alone_decides() -> None:
    state = torch.get_rng_state()
    first = masked(100, 80, 7, (2, 20), (2, 20))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert torch.equal(masked(100, 80, 7, (2, 20), (2, 20)), first)
    assert not torch.equal(masked(100, 80, 8, (2, 20), (2, 20)), first)


def test_no_masks_leave_everything() -> None:
    assert masked(30, 10, 0, (0, 10), (0, 10)).all()
    assert masked(30, 10, 0, (3, 0), (3, 0)).all()


# --- the vocal tract


CENTRES = 700 * (10 ** (torch.linspace(50, 2800, 80) / 2595) - 1)  # of bands even in mel, in Hz


def bump(at: float) -> Tensor:
    """One frame [1, 80] with a hill around `at` Hz, 150 Hz wide."""
    return torch.exp(-((CENTRES - at) ** 2) / (2 * 150.0**2))[None]


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
@pytest.mark.parametrize("formant", [700.0, 1500.0, 2500.0])
def test_formants_move_by_the_factor(factor: float, formant: float) -> None:
    moved = specaugment.warp(bump(formant), factor, CENTRES)[0]
    centre = float((moved * CENTRES).sum() / moved.sum())
    still = float((bump(formant)[0] * CENTRES).sum() / bump(formant).sum())
    assert centre == pytest.approx(still * factor, rel=0.03)


@given(st.floats(0.7, 1.4))
def test_the_warp_keeps_the_order_of_bands_and_the_highest(factor: float) -> None:
    rising = specaugment.warp(CENTRES[None].clone(), factor, CENTRES)[0]
    assert (rising[1:] > rising[:-1] - 1e-3).all()
    assert float(rising[-1]) == pytest.approx(float(CENTRES[-1]))
    # The map of Jaitly and Hinton, the other way round: a warped ramp says where each band comes from.
    low = float(CENTRES[0]) * max(factor, 1) * 1.01 <= CENTRES
    linear = low & (0.6 * CENTRES[-1] * min(factor, 1) * 0.99 >= CENTRES)
    assert torch.allclose(rising[linear], CENTRES[linear] / factor, rtol=1e-3)


def test_no_warp_is_the_features_themselves() -> None:
    features = torch.randn(5, 80)
    assert specaugment.warp(features, 1.0, CENTRES) is features
