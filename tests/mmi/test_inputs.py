"""How training disturbs what the network takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.mmi import inputs


def test_noise_is_added_at_its_ratio() -> None:
    draw = np.random.default_rng(0)
    speech, noise = (draw.normal(size=shape).astype(np.float32) for shape in ((300, 40), (100, 40)))
    mixed = inputs.with_noise(speech, noise, 10.0)
    added = np.exp(mixed) - np.exp(speech)
    assert 10 * np.log10(np.exp(speech).mean() / added.mean()) == pytest.approx(10.0, abs=0.1)
    assert (mixed >= speech).all()


def test_training_spoils_as_many_recordings_as_it_is_told() -> None:
    log_mel = np.random.default_rng(1).normal(size=(60, 80)).astype(np.float32)
    noises = [np.full((10, 80), 2.0, np.float32)]
    made = inputs.Inputs(FeatureSettings(normalise="none"), noises=noises)
    how = inputs.Disturbance(vocal_tract=0.0, frequency_masks=0, time_mask_max=0, noisy=0.3, telephone=0.2)
    plain = made(log_mel)
    rows = [made(log_mel, None, how, torch.Generator().manual_seed(seed)) for seed in range(300)]
    cut = [float(row[:, -1].abs().max()) < 1e-3 for row in rows]
    noisy = [not row[:, 30].equal(plain[:, 30]) for row in rows]
    assert 0.12 < np.mean(cut) < 0.28
    assert 0.2 < np.mean(noisy) < 0.4
