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

TELEPHONE = 300.0, 3400.0  # Hz
Frames = NDArray[np.float32]


@dataclass(frozen=True)
class Disturbance:
    """What training does to features.

    vocal_tract: most by which frequencies are warped. frequency_masks of up to frequency_mask_max bands; a time mask of
    up to time_mask_max frames, and one more for each time_mask_every frames. noisy: share of the recordings that noise
    is added to, at a ratio of quietest to loudest dB that is drawn evenly. telephone: share of those that lose what a
    telephone doesn't carry.
    """

    vocal_tract: float = 0.08
    frequency_masks: int = 2
    frequency_mask_max: int = 14
    time_mask_max: int = 24
    time_mask_every: int = 300
    noisy: float = 0.0
    loudest: float = 5.0
    quietest: float = 30.0
    telephone: float = 0.0


class Inputs:
    """Inputs(...)(log_mel) -> features [T, bands + fitted].

    Args:
        features: of the log-mel, not normalised.
        adapter: fits features to speakers; None: there are only the bands.
        bands: the log-mel bands are inputs too.
        noises: raw log-mel [T, bands] of recordings of noise, for `Disturbance.noisy`.
    """

    def __init__(
        self,
        features: FeatureSettings,
        adapter: Adapter | None = None,
        bands: bool = True,
        noises: Sequence[Frames] = (),
    ) -> None:
        self.log_mel, self.adapter, self.bands, self.noises = LogMel(features), adapter, bands, noises
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
        if disturbance and generator:
            log_mel = self._spoilt(log_mel, disturbance, generator)
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

    def _spoilt(self, log_mel: Frames, disturbance: Disturbance, generator: torch.Generator) -> Frames:
        """With noise, and over the telephone, for a share of the recordings."""
        noisy, at, ratio, telephone = torch.rand(4, generator=generator).tolist()
        if self.noises and noisy < disturbance.noisy:
            noise = self.noises[int(noisy / disturbance.noisy * len(self.noises))]
            decibels = disturbance.loudest + ratio * (disturbance.quietest - disturbance.loudest)
            log_mel = with_noise(log_mel, np.roll(noise, int(at * len(noise)), axis=0), decibels)
        if telephone < disturbance.telephone:
            lost = (self.centres.numpy() < TELEPHONE[0]) | (self.centres.numpy() > TELEPHONE[1])
            log_mel = np.where(lost, np.float32(log_mel.min()), log_mel)
        return log_mel

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


def with_noise(log_mel: Frames, noise: Frames, decibels: float) -> Frames:
    """The log-mel of a sum, powers added as of signals that have nothing to do with each other.

    Args:
        noise: [T, bands]; it is repeated where it is shorter.
        decibels: of the mean powers' ratio.
    """
    rows = np.resize(noise, log_mel.shape)
    power, other = np.exp(log_mel), np.exp(rows)
    gain = power.mean() / max(float(other.mean()), 1e-12) * 10 ** (-decibels / 10)
    mixed: Frames = np.log(power + np.float32(gain) * other)
    return mixed


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
