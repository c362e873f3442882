"""Whatever holds sound → mono float32 signals at one rate: files, arrays, tensors, channels, batches."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechgru.audio import array
from speechgru.audio import stream as audio
from speechgru.audio.decode import name_of
from speechgru.errors import AudioError
from speechgru.utils.plugins import unknown

CHANNELS = ("mix", "each")


def rows(
    source: Any, sample_rate: int | None, channels: str, lengths: Any
) -> tuple[list[tuple[Any, int | None]], bool]:
    """The single recordings in `source` with the rates that were given for them, and whether they are a batch.

    A list is a batch, and so is an array [batch, time] that comes with `lengths`. With channels="each" the
    channels of an array or a file are the batch.

    Raises:
        AudioError: more dimensions, or lengths that don't fit.
    """
    if channels not in CHANNELS:
        raise AudioError(unknown("value of channels", str(channels), CHANNELS))
    if channels == "each" and (lengths is not None or isinstance(source, (list, tuple))):
        raise AudioError(
            'channels="each" makes a batch of one recording; got a batch. Take its recordings one by one.'
        )
    if lengths is not None:
        return [(row, sample_rate) for row in _cut(source, lengths)], True
    if isinstance(source, (list, tuple)):
        if not source or not all(hasattr(one, "__array__") or is_file(one) for one in source):
            raise AudioError(
                "A list of recordings holds paths, binary files, arrays or tensors, one or more; samples in a "
                "list become one recording with numpy.array(samples)."
            )
        return [(one, sample_rate if array.is_array(one) else None) for one in source], True
    if not array.is_array(source):
        return ([(source, sample_rate)], False) if channels == "mix" else (_channels(source), True)
    if source.ndim > 2:
        raise AudioError(
            f"Got an array of {source.ndim} dimensions, {tuple(source.shape)}; expected [time], "
            "[channels, time], or [batch, time] with lengths=. A batch of stereo recordings is a list of arrays."
        )
    if channels == "each":
        each = source if source.ndim == 2 else source[None]
        array.plain(each, sample_rate)  # refuses [time, channels]
        return [(channel, sample_rate) for channel in each], True
    return [(source, sample_rate)], False


def signal(source: Any, sample_rate: int | None, rate: int) -> Tensor:
    """One recording as [time] at `rate` Hz; a tensor's on its device."""
    if array.is_array(source):
        plain = array.plain(source, sample_rate)
        made = torch.from_numpy(np.ascontiguousarray(audio.resample(plain, int(sample_rate or rate), rate)))
        return made.to(source.device) if isinstance(source, Tensor) else made
    _check_stated(source, sample_rate)
    return torch.from_numpy(audio.read(source, rate))


def blocks(source: Any, sample_rate: int | None, rate: int, seconds: float) -> Iterator[Tensor]:
    """As `signal`, in pieces of `seconds`; of a file only one is in memory."""
    if array.is_array(source):
        whole = signal(source, sample_rate, rate)
        yield from torch.split(whole, max(1, round(seconds * rate)))
        return
    _check_stated(source, sample_rate)
    with audio.AudioStream(source, rate, seconds) as stream:
        for block in stream:
            yield torch.from_numpy(block)
        for each in stream.warnings:
            warnings.warn(audio.AudioWarning(each.kind, f"{name_of(source)}: {each}"), stacklevel=3)


def _check_stated(source: Any, sample_rate: int | None) -> None:
    if not is_file(source):
        raise AudioError(
            f"Got {type(source).__name__}; expected a path, a binary file, an array or tensor, or a list of them."
        )
    if sample_rate is not None:
        raise AudioError(
            f"{name_of(source)} states its own sampling rate; sample_rate={sample_rate} is for arrays. Leave it "
            "out. (What features are computed at is the setting `rate`.)",
            source=name_of(source),
        )


def is_file(source: Any) -> bool:
    """Whether `source` is a path, "-" or a binary file."""
    return isinstance(source, (str, os.PathLike)) or hasattr(source, "read")


def _cut(batch: Any, lengths: Any) -> list[Any]:
    """Rows of `batch` [B, time], each at its length."""
    if not array.is_array(batch):
        raise AudioError("lengths go with one array [batch, time]; files and lists have their own.")
    ends = [int(n) for n in np.atleast_1d(lengths.cpu() if isinstance(lengths, Tensor) else lengths)]
    if batch.ndim != 2 or len(ends) != len(batch) or not all(0 < n <= batch.shape[1] for n in ends):
        raise AudioError(
            f"lengths {ends} don't fit an array of shape {tuple(batch.shape)}: expected [batch, time] and one "
            "length in 1..time for each row."
        )
    return [row[:end] for row, end in zip(batch, ends)]


def _channels(source: Any) -> list[tuple[Any, int | None]]:
    """The channels of a file, each [time] at the file's rate."""
    _check_stated(source, None)
    with audio.AudioStream(source, None, block_seconds=None, channels="all") as stream:
        return [(channel, stream.sample_rate) for channel in np.concatenate(list(stream)).T]
