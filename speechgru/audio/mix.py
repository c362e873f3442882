"""Noise beside the voice, at a stated signal-to-noise ratio.

The ratio is of mean powers over the whole recording, pauses included (so that it needs no speech detector), in dB.
"""

from __future__ import annotations

import torch
from torch import Tensor

from speechgru.utils.dependencies import torchaudio_module


def add(signal: Tensor, noise: Tensor, snr: float) -> Tensor:
    """`signal` [time] with `noise` [time] scaled to `snr` dB below it. Where either is silent: the signal."""
    if not signal.any() or not noise.any():
        return signal
    noise = noise / noise.abs().max()  # the squares of a faint noise would round to nothing
    mixed: Tensor = torchaudio_module("functional").add_noise(signal, noise, torch.tensor(snr))
    return mixed


def fit(noise: Tensor, length: int, generator: torch.Generator) -> Tensor:
    """`length` samples of `noise` [time] from a random place, round and round where it is shorter."""
    if not len(noise):
        return torch.zeros(length)
    start = int(torch.randint(len(noise), (), generator=generator))
    if len(noise) >= length:
        start = min(start, len(noise) - length)
    return noise[(start + torch.arange(length)) % len(noise)]


def coloured(length: int, exponent: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise [length] of unit power whose spectral power falls as 1 / f ** exponent.

    0 is white, 1 pink, 2 brown noise. Source: Timmer and König 1995, by shaping the spectrum of white noise.
    """
    spectrum = torch.fft.rfft(torch.randn(length, generator=generator))
    bins = torch.arange(len(spectrum)).clamp(min=1)
    shaped = torch.fft.irfft(spectrum * bins ** (-exponent / 2), n=length)
    normalised: Tensor = shaped / shaped.square().mean().sqrt().clamp(min=1e-12)
    return normalised
