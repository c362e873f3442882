"""Changes to recordings: pure functions of a signal [time] (or features [frames, bands]) and a generator.

One kind of change a file. What they share is here: drawing at random, from a generator that the caller gives,
so that the same generator draws the same change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def choose(options: Sequence[T], generator: torch.Generator) -> T:
    """One of `options`, evenly."""
    return options[int(torch.randint(len(options), (), generator=generator))]


def uniform(ends: Sequence[float], generator: torch.Generator) -> float:
    """A number between two ends, evenly."""
    low, high = ends
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def convolve(signal: Tensor, taps: Tensor) -> Tensor:
    """`signal` [time] * `taps` [taps]: [time + taps - 1].

    By transforms of a length without large prime factors, which take a tenth of the time of those of a prime length.
    """
    from scipy.fft import next_fast_len

    size = len(signal) + len(taps) - 1
    fast = next_fast_len(size, real=True)
    convolved: Tensor = torch.fft.irfft(torch.fft.rfft(signal, fast) * torch.fft.rfft(taps, fast), fast)[
        :size
    ]
    return convolved
