"""One line from any recording to any features: `extract`, `stream`, and a function by the name of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from speechgru.audio.decode import name_of
from speechgru.errors import AudioError, ConfigError
from speechgru.features import sources
from speechgru.features.base import Bins, Transform
from speechgru.features.registry import find, transform
from speechgru.features.streaming import Streaming
from speechgru.utils import plugins

OUTPUTS = ("torch", "numpy")


@dataclass(frozen=True, eq=False)
class Features:
    """Features with all that describes them: `extract` with their kind and settings computes them again.

    Attributes:
        values: float32 [frames, bins], or [batch, frames, bins], zero past each end; tensor or array as asked.
            Of events (beats, onsets) a frame is an event.
        lengths: of a batch, valid frames of each row [batch], of the same library as `values`; else None.
        kind, settings: plain values, ready for JSON. With a preset these are what it led to.
        sample_rate: at which it was computed, Hz.
        bins: centre frequencies in Hz, or names, one a bin.
        unit: of the values, in words.
        frame_seconds: from one frame to the next; None for events.
        first_seconds: centre of frame 0.
    """

    values: Any
    lengths: Any
    kind: str
    settings: dict[str, Any]
    sample_rate: int
    bins: Bins
    unit: str
    frame_seconds: float | None
    first_seconds: float

    @property
    def times(self) -> NDArray[np.float64] | None:
        """Centre of each frame in seconds, [frames]; None for events."""
        if self.frame_seconds is None:
            return None
        return self.first_seconds + self.frame_seconds * np.arange(self.values.shape[-2])


def extract(
    source: Any,
    kind: str = "log_mel",
    *,
    sample_rate: int | None = None,
    preset: str | None = None,
    output: str = "torch",
    lengths: Any = None,
    channels: str = "mix",
    **settings: Any,
) -> Features:
    """Features of a recording, or of a batch of them.

    Args:
        source: a path, "-", a binary file, an array or tensor [time] or [channels, time] (floats in [-1, 1] or
            integers), or a list of these: a batch. A file is read in blocks where the kind allows it.
        kind: one of `kinds()`.
        sample_rate: of arrays, Hz; files state their own. All are resampled to the setting `rate`.
        preset: "kaldi", "librosa", "whisper" or "htk": the conventions to begin with.
        output: "torch" (a tensor's features stay on its device) or "numpy".
        lengths: valid samples of each row: the array is then a padded batch [batch, time].
        channels: "mix" takes their mean, "each" gives the batch of them.
        settings: fields of the kind's settings; the others keep their defaults.

    Raises:
        AudioError: a recording that can't be read, is shorter than one window, holds NaN, or has another shape.
        ConfigError: no such kind, preset or setting (the choices are named), or an impossible value.
    """
    _check_output(output)
    module = transform(kind, preset=preset, **settings)
    recordings, batched = sources.rows(source, sample_rate, channels, lengths)
    parts = [
        _named(module, recording, rate, f"recording {number}" if batched else "")
        for number, (recording, rate) in enumerate(recordings)
    ]
    counts = torch.tensor([len(values) for values in parts]) if batched else None
    values = pad_sequence(parts, batch_first=True) if batched else parts[0]
    return describe(module, _as(output, values), None if counts is None else _as(output, counts))


def describe(module: Transform, values: Any, lengths: Any = None) -> Features:
    """`values` that `module` computed, with all that is known of them."""
    framing = module.framing
    return Features(
        values=values,
        lengths=lengths,
        kind=module.kind,
        settings=asdict(module.settings),
        sample_rate=module.rate,
        bins=module.bins,
        unit=find(module.kind).unit,
        frame_seconds=framing.hop / framing.rate if framing else None,
        first_seconds=framing.first / framing.rate if framing else 0.0,
    )


def stream(
    source: Any,
    kind: str = "log_mel",
    *,
    sample_rate: int | None = None,
    preset: str | None = None,
    output: str = "torch",
    block_seconds: float = 30.0,
    **settings: Any,
) -> Iterator[Any]:
    """The values of `extract`, [some frames, bins] at a time, in flat memory however long the recording.

    Raises:
        ConfigError: as `extract`, or a kind that needs the whole recording; the message names the reason.
        AudioError: as `extract`.
    """
    _check_output(output)
    stream = Streaming(
        transform(kind, preset=preset, **settings)
    )  # wrong settings show before the first block
    return _stream(stream, source, sample_rate, output, block_seconds)


def _stream(
    streaming: Streaming, source: Any, sample_rate: int | None, output: str, seconds: float
) -> Iterator[Any]:
    for block in sources.blocks(source, sample_rate, streaming.rate, seconds):
        yield _as(output, streaming.add(block))
    yield _as(output, streaming.finish()[0])


def _named(module: Transform, source: Any, sample_rate: int | None, place: str) -> Tensor:
    """`_one`, whose errors say which recording is meant: an array by its `place`, a file by its name."""
    try:
        return _one(module, source, sample_rate)
    except AudioError as error:
        name = name_of(source) if sources.is_file(source) else place
        if error.source == name:
            raise
        raise AudioError(f"{name}: {error}", source=name) from error


@torch.no_grad()
def _one(module: Transform, source: Any, sample_rate: int | None) -> Tensor:
    """[frames, bins]"""
    if module.whole is None and module.framing is not None and not hasattr(source, "__array__"):
        stream = Streaming(module)
        parts = [stream.add(block) for block in sources.blocks(source, sample_rate, module.rate, 30.0)]
        return torch.cat([*parts, stream.finish()[0]])
    signal = sources.signal(source, sample_rate, module.rate)
    values: Tensor = module.to(signal.device)(signal)[0][0]
    return values


def _as(output: str, values: Tensor) -> Any:
    return values.cpu().numpy() if output == "numpy" else values


def _check_output(output: str) -> None:
    if output not in OUTPUTS:
        raise ConfigError(plugins.unknown("output", str(output), OUTPUTS))
