"""What the network takes of a recording: log-mel, features fitted to its speaker, and how training disturbs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.augment import specaugment
from speechgru.features import LogMel
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.features.spectrogram import MIN_DEVIATION, band_centres
from speechgru.mmi.adaptation import Adapter, Transform

Frames = NDArray[np.float32]


@dataclass(frozen=True)
class Disturbance:
    """What training does to features.

    vocal_tract: most by which frequencies are warped. frequency_masks of up to frequency_mask_max bands; a time mask of
    up to time_mask_max frames, and one more for each time_mask_every frames.
    """

    vocal_tract: float = 0.08
    frequency_masks: int = 2
    frequency_mask_max: int = 14
    time_mask_max: int = 24
    time_mask_every: int = 300


class Inputs:
    """Inputs(...)(log_mel) -> features [T, bands + fitted].

    Args:
        features: of the log-mel, not normalised.
        adapter: fits features to speakers; None: there are only the bands.
        bands: the log-mel bands are inputs too.
    """

    def __init__(self, features: FeatureSettings, adapter: Adapter | None = None, bands: bool = True) -> None:
        self.log_mel, self.adapter, self.bands = LogMel(features), adapter, bands
        centres = band_centres(features.n_mels, features.f_min, features.f_max, "htk")
        self.centres = torch.tensor(centres)

    def raw(self, samples: Tensor) -> Frames:
        """Log-mel [T, bands] of a signal [time]."""
        with torch.inference_mode():
            frames: Frames = self.log_mel(samples)[0][0].numpy()
        return frames

    def __call__(
        self,
        log_mel: Frames,
        transform: Transform | None = None,
        disturbance: Disturbance | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Features of raw log-mel [T, bands].

        Args:
            transform: of the speaker; None: as of one unknown.
            disturbance: in training; `generator` draws it.
        """
        parts = []
        if self.bands:
            bands = torch.from_numpy(normalised(log_mel))
            if disturbance and generator:
                bands = self._disturbed(bands, disturbance, generator)
            parts.append(bands)
        if self.adapter:
            parts.append(torch.from_numpy(self.adapter.features(log_mel, transform)))
        features = torch.cat(parts, dim=1)
        if disturbance and generator:
            features = specaugment.mask(
                features,
                generator,
                time_masks=1 + len(features) // disturbance.time_mask_every,
                time_mask_max=disturbance.time_mask_max,
                frequency_masks=0,
                frequency_mask_max=0,
            )
        return features

    def _disturbed(self, bands: Tensor, disturbance: Disturbance, generator: torch.Generator) -> Tensor:
        widest = disturbance.vocal_tract
        factor = 1 + widest * (2 * float(torch.rand((), generator=generator)) - 1)
        return specaugment.mask(
            specaugment.warp(bands, factor, self.centres),
            generator,
            time_masks=0,
            time_mask_max=0,
            frequency_masks=disturbance.frequency_masks,
            frequency_mask_max=disturbance.frequency_mask_max,
        )


def normalised(log_mel: Frames) -> Frames:
    """Each band of a recording to mean 0 and deviation 1; nearly constant ones to mean 0."""
    centred = log_mel - log_mel.mean(axis=0)
    scaled: Frames = (centred / np.maximum(centred.std(axis=0), MIN_DEVIATION)).astype(np.float32)
    return scaled


def chosen(
    transforms: Sequence[Transform], shares: Sequence[float], generator: torch.Generator
) -> Transform | None:
    """One of a recording's transforms, drawn by their shares; what is left of 1 is that of an unknown speaker."""
    draw = float(torch.rand((), generator=generator))
    for transform, share in zip(transforms, shares):
        if draw < share:
            return transform
        draw -= share
    return None
