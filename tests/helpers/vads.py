"""Sounds for detectors of speech, and a detector that hears how loud it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechgru.features.frontend import Settings as Features
from speechgru.models import checkpoint, detector

RATE = 16000


def voice(seconds: float, seed: int) -> np.ndarray[Any, Any]:
    """Bursts of noise with pauses: float32 [time]."""
    generator = np.random.default_rng(seed)
    signal = 1e-3 * generator.standard_normal(round(seconds * RATE))
    for start in range(0, len(signal), 4800):
        signal[start : start + generator.integers(1600, 3200)] *= generator.uniform(50, 200)
    return signal.astype(np.float32)


def loud(seconds: float) -> np.ndarray[Any, Any]:
    """White noise: float32 [time]."""
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def save_detector(path: Path, rate: int = RATE, **sizes: Any) -> Path:
    """A real checkpoint: with the sizes of a detector that wasn't trained, or without any, one that was taught in a
    few steps to tell loud from quiet."""
    torch.manual_seed(0)
    features = Features(rate, n_mels=12, hop=0.02, f_max=rate / 2, normalise="none")
    settings = detector.Settings(**{"layers": 1, "width": 8, "channels": 4, "dropout": 0.0, **sizes})
    model = detector.Model(settings, features.n_mels, 1)
    if sizes:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2)
    else:
        teach(model, features)
    header = {
        "model": {"name": "detector", "settings": dataclasses.asdict(settings)},
        "features": {
            "kind": "log_mel",
            "settings": dataclasses.asdict(features),
            "fingerprint": features.fingerprint,
        },
        "sounds": ["speech"],
        "threshold": 0.4,
        "provenance": {"recipe": "none"},
    }
    checkpoint.save(path, "detector", header, model.state_dict())
    return path


def teach(model: detector.Model, features: Features) -> None:
    """Some steps on stretches of which a part is loud."""
    x = torch.full((8, 60, features.n_mels), -13.8)
    for row in range(8):
        x[row, 5 * row : 5 * row + 20] = 2.0
    wanted = (x[:, ::2, :1] > 0).float()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(40):
        optimizer.zero_grad()
        log_odds, _ = model(x, torch.full((8,), 60))
        torch.nn.functional.binary_cross_entropy_with_logits(log_odds, wanted).backward()
        optimizer.step()
