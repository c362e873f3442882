"""Changes to features: stretches and bands that are missing, and voices from other throats."""

from __future__ import annotations

import torch
from torch import Tensor

BEND = 0.6  # Jaitly and Hinton: 4800 Hz of 8000


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


def warp(features: Tensor, factor: float, centres: Tensor) -> Tensor:
    """Vocal-tract-length perturbation: what was at f Hz is moved to f * factor (Jaitly and Hinton 2013).

    The map is linear up to `BEND` of the highest centre (less where `factor` is below 1), then straight to that
    centre, which stays. Features between two bands are interpolated.

    Args:
        features: [frames, bands].
        factor: above 1 for a shorter tract and higher formants; from 0.7 to 1.4.
        centres: of the bands, in Hz, rising, [bands].
    """
    if factor == 1:
        return features
    top = centres[-1]
    knee = BEND * top * min(factor, 1.0)
    above = top - (top - knee / factor) / (top - knee) * (top - centres)
    source = torch.where(centres <= knee, centres / factor, above)
    right = torch.searchsorted(centres, source).clamp(1, len(centres) - 1)
    share = (source - centres[right - 1]) / (centres[right] - centres[right - 1])
    return torch.lerp(features[:, right - 1], features[:, right], share.clamp(0, 1).to(features.dtype))
