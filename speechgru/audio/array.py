"""Sound that is in memory already: arrays and tensors as mono float32 at the rate a model wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from speechgru.audio import stream as audio
from speechgru.audio.downmix import mixed
from speechgru.audio.quality import Bandwidth, Clipping
from speechgru.errors import AudioError, AudioWarning

if TYPE_CHECKING:
    from torch import Tensor

MIN_RATE = 4000
MAX_RATE = audio.MAX_SOURCE_RATE
MAX_CHANNELS = 64
MAX_PEAK = 8.0  # float samples may overshoot 1 a little; beyond this they are unscaled integers
_METER_SAMPLES = 1 << 16  # at a time: the meters need several times the memory of what they measure


@dataclass(frozen=True)
class Sound:
    """Mono float32 `signal` [time], and what a user should know about the samples it was made of."""

    signal: NDArray[np.float32]
    warnings: tuple[AudioWarning, ...] = ()

    @property
    def truncated(self) -> bool:
        """Whether the recording was cut short before its stated end."""
        return any(each.kind == "truncated" for each in self.warnings)


def is_array(source: object) -> bool:
    """True for NumPy arrays and tensors."""
    return hasattr(source, "__array__")


def from_array(array: Any, sample_rate: int | None, rate: int) -> Sound:
    """Mono float32 samples [time] at `rate` Hz, within about [-1, 1].

    Args:
        array: NumPy array or tensor, [time] or [channels, time]; floats in [-1, 1], or integers of 8, 16 or
            32 bits, which are scaled by their type's range (unsigned 8 bits around 128). Channels are
            averaged, those turned round that would cancel.
        sample_rate: of `array`, in Hz, from 4,000 up.
        rate: wanted, in Hz.

    Raises:
        AudioError: no sample rate, an impossible one, another shape or type, no samples, NaN or Inf.
    """
    signal, mixing = _plain(array, sample_rate)
    assert sample_rate is not None
    warnings = (*mixing, *_warnings(signal, int(sample_rate)))
    if sample_rate != rate:
        signal = audio.resample(signal, int(sample_rate), rate)
    return Sound(np.ascontiguousarray(signal, dtype=np.float32), warnings)


def pad(signals: Sequence[NDArray[np.float32]], length: int = 0) -> tuple[Tensor, Tensor]:
    """Signals [time] as one batch: [batch, longest or `length`] with zeros behind each, and their lengths [batch]."""
    import torch

    lengths = torch.tensor([len(signal) for signal in signals])
    padded = torch.zeros(len(signals), max(int(lengths.max()), length))
    for row, signal in zip(padded, signals, strict=True):
        row[: len(signal)] = torch.from_numpy(signal)
    return padded, lengths


def plain(array: Any, sample_rate: int | None) -> NDArray[np.float32]:
    """As `from_array`, at the array's own rate, and without judging what was recorded."""
    return _plain(array, sample_rate)[0]


def _plain(array: Any, sample_rate: int | None) -> tuple[NDArray[np.float32], tuple[AudioWarning, ...]]:
    """As `plain`, and what there is to say of the channels."""
    if sample_rate is None:
        raise AudioError(
            "An array doesn't say how fast it was sampled: pass sample_rate=HERTZ with it, e.g. 16000."
        )
    _check_rate(sample_rate)
    signal, mixing = _mono(_scaled(_numpy(array)), int(sample_rate))
    peak = float(max(signal.max(), -signal.min()))  # NaN wins
    if not np.isfinite(peak):
        raise AudioError("The array holds NaN or Inf; expected finite samples. Repair or cut out that part.")
    if peak > MAX_PEAK:
        raise AudioError(
            f"Float samples reach {peak:.6g}; expected [-1, 1]. Divide them by the full "
            "scale of the recording (32768 for 16 bits), or pass the integers themselves."
        )
    return signal, mixing


def _warnings(signal: NDArray[np.float32], rate: int) -> tuple[AudioWarning, ...]:
    """What a file with these samples would be warned of."""
    clipping, bandwidth = Clipping(), Bandwidth(rate)
    for start in range(0, len(signal), _METER_SAMPLES):
        part = signal[start : start + _METER_SAMPLES]
        clipping.add(part[:, None])
        bandwidth.add(part)
    return tuple(each for each in (clipping.warning(), bandwidth.warning()) if each is not None)


def _check_rate(sample_rate: Any) -> None:
    whole = isinstance(sample_rate, (int, np.integer)) or (
        isinstance(sample_rate, float) and sample_rate.is_integer()
    )
    if not whole or isinstance(sample_rate, bool) or not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(
            f"sample_rate={sample_rate!r}; expected a whole number of hertz from {MIN_RATE} to {MAX_RATE}."
        )


def _numpy(array: Any) -> NDArray[Any]:
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        if array.is_floating_point():
            array = array.float()  # NumPy has no bfloat16
        array = array.numpy()
    return np.asarray(array)


def _scaled(array: NDArray[Any]) -> NDArray[Any]:
    """Floats as float32, integers divided by their type's range."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        return array.astype(np.float32)
    if array.dtype == np.uint8:
        return (array.astype(np.float32) - 128) / 128
    if kind == "i" and size <= 4:
        scaled: NDArray[np.float32] = array.astype(np.float32) / np.float32(2.0 ** (8 * size - 1))
        return scaled
    raise AudioError(
        f"Got samples of type {array.dtype}; expected floats in [-1, 1] or integers of 8, 16 or 32 bits. "
        "Convert with array.astype('int16') or to floats: a wider integer doesn't say what its full scale is."
    )


def _mono(array: NDArray[Any], rate: int) -> tuple[NDArray[np.float32], tuple[AudioWarning, ...]]:
    """The mean of the channels [time], and the warning of those that cancel."""
    shape = "x".join(map(str, array.shape)) or "none"
    if array.ndim not in (1, 2):
        raise AudioError(
            f"Got an array of {array.ndim} dimensions ({shape}); expected [time] or [channels, time]."
        )
    if array.size == 0:
        raise AudioError(f"The array holds no samples (shape {shape}); expected [time] or [channels, time].")
    if array.ndim == 1:
        return array, ()
    channels, time = array.shape
    if channels > time or channels > MAX_CHANNELS:
        raise AudioError(
            f"Got shape {shape}, which looks like [time, channels]; expected [channels, time]. Pass array.T."
        )
    mean, mixer = mixed(array.T, rate)
    warning = mixer.warning()
    return mean, () if warning is None else (warning,)
