"""Speed changes duration and pitch; masks keep to their number, size and share, and to their generator."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speechgru import augment

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
    return augment.mask(
        torch.ones(frames, bands),
        seeded(seed),
        time_masks=time[0],
        time_mask_max=time[1],
        frequency_masks=frequency[0],
        frequency_mask_max=frequency[1],
    )


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 1.25, 2.0])
@pytest.mark.parametrize("pitch", [440.0, 2500.0])
def test_speed_changes_duration_and_pitch(factor: float, pitch: float) -> None:
    tone = torch.sin(2 * math.pi * pitch * torch.arange(2 * RATE) / RATE)
    changed = augment.speed(tone, factor)
    assert len(changed) == math.ceil(len(tone) / factor)
    spectrum = torch.fft.rfft(changed * torch.hann_window(len(changed))).abs()
    found = float(spectrum.argmax()) * RATE / len(changed)
    assert found == pytest.approx(pitch * factor, abs=RATE / len(changed))
    inner = changed[1000:-1000]
    assert float(inner.square().mean()) == pytest.approx(0.5, rel=0.02)


def test_speed_removes_what_would_alias() -> None:
    tone = torch.sin(2 * math.pi * 7000 * torch.arange(RATE) / RATE)
    assert float(augment.speed(tone, 2.0)[500:-500].abs().max()) < 0.01


def test_speed_1_is_the_signal_itself() -> None:
    signal = torch.randn(100)
    assert augment.speed(signal, 1.0) is signal


def test_choose_draws_every_option_evenly_and_by_the_generator() -> None:
    options = [0.9, 1.0, 1.1]
    generator = seeded()
    drawn = [augment.choose(options, generator) for _ in range(3000)]
    assert all(900 < drawn.count(option) < 1100 for option in options)
    generator = seeded()
    assert drawn[:50] == [augment.choose(options, generator) for _ in range(50)]


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
    changed = augment.mask(
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
