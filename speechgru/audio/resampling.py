"""Change of sampling rate with an anti-aliasing filter (libsoxr, quality HQ: 20-bit precision).

Convention: `n` samples become `n · to_rate / from_rate`, rounded; the filter's delay is taken out, so
times stay put. A signal fed in pieces gives the same samples, bit for bit, as the signal fed whole.
"""

from __future__ import annotations

import math
import sys
from typing import Any, TypeVar, cast

import numpy as np
import soxr
from numpy.typing import NDArray

from speechgru.errors import AudioError

Signal = TypeVar("Signal")


class Resampler:
    """One signal, piece by piece: `add` each piece, `finish` for what the filter still holds."""

    def __init__(self, from_rate: float, to_rate: float, channels: int | None = None) -> None:
        """Rates in Hz, above 0. Pieces are [time], or [time, `channels`] where that is given."""
        _check_rates(from_rate, to_rate)
        self._shape = (-1,) if channels is None else (-1, channels)
        # Equal rates need no filter; soxr would only copy.
        self._stream: Any = (
            None
            if from_rate == to_rate
            else soxr.ResampleStream(from_rate, to_rate, channels or 1, dtype="float32", quality="HQ")
        )

    def add(self, piece: NDArray[np.float32]) -> NDArray[np.float32]:
        """The samples that follow from `piece`; may be empty while the filter fills."""
        return piece if self._stream is None else self._resampled(piece, last=False)

    def finish(self) -> NDArray[np.float32]:
        """The remaining samples."""
        rest = np.zeros((0, *self._shape[1:]), np.float32)
        return rest if self._stream is None else self._resampled(rest, last=True)

    def _resampled(self, piece: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        done: NDArray[np.float32] = self._stream.resample_chunk(piece, last=last).reshape(self._shape)
        return done


def resample(signal: Signal, from_rate: float, to_rate: float) -> Signal:
    """Resample the last axis of `signal` [..., time] from `from_rate` to `to_rate` (Hz).

    Takes a NumPy array or a torch tensor of float32 or float64 and returns the same kind (a tensor on its
    device, without gradient). Equal rates return `signal` itself.

    Raises:
        AudioError: a rate that isn't positive, or samples that aren't float32 or float64.
    """
    _check_rates(from_rate, to_rate)
    if type(signal).__module__ == "torch":
        torch: Any = sys.modules["torch"]  # whoever passes a tensor has imported torch; this module needn't
        tensor: Any = signal
        resampled = resample(tensor.detach().cpu().numpy(), from_rate, to_rate)
        return cast(Signal, torch.from_numpy(resampled).to(tensor.device))
    array: Any = np.asarray(signal)
    if array.dtype not in (np.float32, np.float64) or not array.ndim:
        raise AudioError(
            f"Resampling wants float32 or float64 samples [..., time], got {array.dtype} of shape "
            f"{array.shape}: convert (and scale) them first."
        )
    if from_rate == to_rate:
        return signal
    *outer, time = array.shape
    rows = np.ascontiguousarray(array).reshape(math.prod(outer), time)
    done = [soxr.resample(row, from_rate, to_rate, quality="HQ") for row in rows]
    time = len(done[0]) if done else round(time * to_rate / from_rate)
    return cast(Signal, np.array(done, array.dtype).reshape(*outer, time))


def _check_rates(*rates: float) -> None:
    for rate in rates:
        if not 0 < rate < float("inf"):
            raise AudioError(f"Sample rates are positive numbers of Hz, got {rate}.")
