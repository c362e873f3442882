"""What every kind of feature is: settings, a module that maps signals to frames, names of its bins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from speechgru.errors import AudioError, ConfigError
from speechgru.features.framing import Framing
from speechgru.utils.dependencies import explain, load

Bins = tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """An entry of a family's KINDS: the dataclass of its settings, its module, and words for people."""

    settings: type[Any]
    transform: Callable[[Any], Transform]
    title: str
    unit: str


class Transform(nn.Module):
    """Signals → frames. A subclass sets the attributes and computes `rows`.

    Attributes:
        kind: its name, where the registry made it.
        settings: the dataclass it was made from.
        rate: of the signals it takes, Hz.
        bins: centre frequencies in Hz, or names.
        framing: where frames lie; None where the values are events (beats, onsets).
        whole: why it needs the whole signal at once; None where frames follow from their neighbourhood, so
            that blocks give what the whole gives.
    """

    kind = ""
    settings: Any
    rate: int
    bins: Bins
    framing: Framing | None
    whole: str | None = None
    shortest = 1
    block_frames: int | None = 512
    """At a time, so that they fit the cache; None: `rows` sees to that itself."""

    def rows(self, signal: Tensor) -> Tensor:
        """Values [B, frames, bins] of signals [B, time] that are all of this length."""
        raise NotImplementedError

    def forward(self, signal: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Values [B, frames, bins] (zero past each end) and frames [B]. A row gets what it gets alone.

        Args:
            signal: [time] or [B, time], floats in [-1, 1] at `rate`; computed in the type of the module.
            lengths: valid samples of each row, [B]; None: all.

        Raises:
            AudioError: no floats, more than two dimensions, or a row shorter than one window.
        """
        signal = self.batch(signal)
        if lengths is None and self.framing is not None:
            self.check(signal.shape[1])
            values = self.compute(signal)
            return values, torch.full((len(signal),), values.shape[1], device=signal.device)
        ends = [signal.shape[1]] * len(signal) if lengths is None else lengths.tolist()
        parts = []
        for row, end in zip(signal, ends):
            self.check(end)
            parts.append(self.compute(row[None, :end])[0])
        frames = torch.tensor([len(part) for part in parts], device=signal.device)
        return pad_sequence(parts, batch_first=True), frames

    def batch(self, signal: Tensor) -> Tensor:
        """`signal` as [B, time]. Raises AudioError for another shape, or what aren't floats."""
        if not isinstance(signal, Tensor) or not signal.is_floating_point():
            got = getattr(signal, "dtype", type(signal).__name__)
            raise AudioError(
                f"Expected a tensor of floats in [-1, 1], got {got}; features.extract takes arrays and integers."
            )
        if signal.dim() not in (1, 2):
            raise AudioError(f"Expected signals [time] or [batch, time], got shape {tuple(signal.shape)}.")
        return signal if signal.dim() == 2 else signal[None]

    def check(self, samples: int) -> None:
        """Raises AudioError where a signal of `samples` is shorter than one window."""
        if samples < self.shortest:
            raise AudioError(
                f"Expected at least one window, {self.shortest} samples ({self.shortest / self.rate:.3g} s "
                f"at {self.rate} Hz); got {samples}. Shorten the window or pad the signal with zeros."
            )

    def compute(self, signal: Tensor) -> Tensor:
        """`rows`, block by block where frames allow it."""
        framing, samples, block = self.framing, signal.shape[1], self.block_frames
        own = next((buffer.dtype for buffer in self.buffers() if buffer.is_floating_point()), signal.dtype)
        signal = signal.to(own)  # NumPy's floats have 64 bits, unless told otherwise
        count = framing.frames(samples) if framing else 0
        if framing is None or block is None or self.whole is not None or count <= block:
            return self.rows(signal)
        parts = []
        for begin in range(0, count, block):
            end = min(count, begin + block)
            start, stop, drop = framing.span(begin, end, samples)
            parts.append(self.rows(signal[:, start:stop])[:, drop : drop + end - begin])
        return torch.cat(parts, dim=1)


class ArrayTransform(Transform):
    """Of a library that computes with NumPy: row by row, on the processor, without gradient."""

    block_frames = 4096

    def analyse(self, signal: NDArray[np.float32]) -> NDArray[Any]:
        """Values [frames, bins] of one signal [time]."""
        raise NotImplementedError

    def rows(self, signal: Tensor) -> Tensor:
        parameter_error = load("librosa.util.exceptions").ParameterError
        arrays = signal.detach().cpu().numpy()
        try:
            done = [np.ascontiguousarray(self.analyse(row), dtype=np.float32) for row in arrays]
        except parameter_error as error:
            raise ConfigError(f"{self.kind or type(self).__name__}: {error}") from error
        except (ImportError, OSError) as error:  # librosa imports Numba where it first needs it
            raise explain(error) or error from error
        return torch.from_numpy(np.stack(done)).to(signal.device)
