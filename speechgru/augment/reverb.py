"""Reverberation: a signal in a room, by a recorded or a simulated impulse response."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from speechgru.augment import convolve


def impulse_response(t60: float, direct: float, rate: int, generator: torch.Generator) -> Tensor:
    """A simulated response [time]: the direct sound, then Gaussian noise that decays by 60 dB in `t60` seconds.

    Args:
        t60: reverberation time, in seconds, above 0.
        direct: power of the direct sound over that of all reflections, in dB.
        rate: in Hz.

    Source: Polack 1988, the statistical model of late reverberation; early reflections are part of the noise.
    """
    length = max(2, math.ceil(t60 * rate))
    time = torch.arange(length) / rate
    tail = torch.randn(length, generator=generator) * torch.exp(-time * (math.log(1000) / t60))
    tail[0] = 0.0
    tail *= 10 ** (-direct / 20) / tail.norm().clamp(min=1e-12)
    tail[0] = 1.0
    return tail


def reverberate(signal: Tensor, response: Tensor) -> Tensor:
    """`signal` [time] in the room of `response` [time]: as long, as loud (mean power) and not delayed.

    What precedes the direct sound in a recorded response, the time of flight, is cut off; the direct sound is
    where it is loudest.
    """
    if not response.any() or not signal.any():
        return signal
    wet = convolve(signal, response[int(response.abs().argmax()) :])[: len(signal)]
    power = wet.square().mean()
    return wet * (signal.square().mean() / power).sqrt() if power > 0 else signal
