"""Changes to training recordings: pure functions of a signal (or features) and a generator."""

from __future__ import annotations

import torch
from torch import Tensor


def speed(signal: Tensor, factor: float) -> Tensor:
    """The signal [time] played `factor` times as fast, pitch and all: [time / factor].

    Source: Ko et al. 2015, "Audio augmentation for speech recognition".
    """
    from torchaudio.functional import resample

    return signal if factor == 1 else resample(signal, round(factor * 100), 100)


def choose(options: list[float], generator: torch.Generator) -> float:
    """One of `options`, evenly."""
    return options[int(torch.randint(len(options), (), generator=generator))]


def mask(
    features: Tensor,
    generator: torch.Generator,
    *,
    time_masks: int,
    time_mask_max: int,
    frequency_masks: int,
    frequency_mask_max: int,
) -> Tensor:
    """SpecAugment without warping (Park et al. 2019): set random stretches of time and bands to 0.

    Args:
        features: [frames, bands], normalised, so that 0 is the mean.
        time_masks: stretches of up to `time_mask_max` frames each, together at most half of the recording.
        frequency_masks: stretches of up to `frequency_mask_max` bands each.
    """
    features = features.clone()
    frames, bands = features.shape
    time_limit = min(time_mask_max, frames // (2 * time_masks)) if time_masks else 0
    for count, limit, size, axis in (
        (time_masks, time_limit, frames, 0),
        (frequency_masks, min(frequency_mask_max, bands), bands, 1),
    ):
        for _ in range(count):
            width = int(torch.randint(limit + 1, (), generator=generator))
            start = int(torch.randint(size - width + 1, (), generator=generator))
            features.narrow(axis, start, width).zero_()
    return features
