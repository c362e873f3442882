"""Speaking rate and pitch: `speed` changes both, `tempo` and `pitch` one of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.utils.dependencies import torchaudio_module

HOP_SECONDS = 0.016  # half a window: a period or two of a low voice
REACH_SECONDS = (
    0.008  # how far a window may lie from its nominal place: nearly a period of a low voice either way
)


def speed(signal: Tensor, factor: float) -> Tensor:
    """The signal [time] played `factor` times as fast, pitch and all: [time / factor].

    Source: Ko et al. 2015, "Audio augmentation for speech recognition".
    """
    if factor == 1 or not len(signal):
        return signal
    faster: Tensor = torchaudio_module("functional").resample(signal, round(factor * 100), 100)
    return faster


def tempo(signal: Tensor, factor: float, rate: int = 16000) -> Tensor:
    """The signal [time] spoken `factor` times as fast at the same pitch: [time / factor].

    Windows that overlap by half are laid closer or farther apart; each is taken from where, near its nominal place,
    it continues the one before best. A voice keeps its periods, so it doesn't blur as in a phase vocoder.

    Args:
        rate: of the signal, in Hz.

    Source: WSOLA, Verhelst and Roelands 1993.
    """
    if factor == 1 or not len(signal):
        return signal
    hop, reach = round(HOP_SECONDS * rate), round(REACH_SECONDS * rate)
    length = math.ceil(len(signal) / factor)
    padded = np.pad(signal.numpy(), (hop + reach, 3 * hop + 2 * reach))
    window = np.hanning(2 * hop + 1)[:-1].astype(padded.dtype)
    changed = np.zeros(length + 3 * hop, padded.dtype)
    place = reach  # in `padded`, of the window before
    for start in range(0, length + hop, hop):
        nominal = reach + round((start - hop) * factor) + hop
        place = _best_place(padded, place + hop, nominal, 2 * hop, reach) if start else reach
        changed[start : start + 2 * hop] += window * padded[place : place + 2 * hop]
    return torch.from_numpy(changed[hop : hop + length])


def _best_place(signal: NDArray[Any], after: int, nominal: int, size: int, reach: int) -> int:
    """Where around `nominal` the `size` samples are that are most like those from `after` on (by correlation)."""
    wanted = signal[after : after + size]
    around = signal[nominal - reach : nominal + reach + size]
    if not wanted.any() or not around.any():
        return nominal
    energies = np.cumsum(np.concatenate([[0.0], np.square(around, dtype=np.float64)]))
    norms = np.sqrt(np.maximum(energies[size:] - energies[:-size], 1e-12))
    return nominal - reach + int(np.argmax(np.correlate(around, wanted, "valid") / norms))


def pitch(signal: Tensor, semitones: float, rate: int = 16000) -> Tensor:
    """The signal [time] raised by `semitones` (lowered where negative), as long as before.

    The factor 2 ** (semitones / 12) is rounded to hundredths, as all speeds are.
    """
    factor = round(2 ** (semitones / 12), 2)
    if factor == 1:
        return signal
    changed = tempo(speed(signal, factor), 1 / factor, rate)[: len(signal)]
    return torch.nn.functional.pad(changed, (0, len(signal) - len(changed)))
