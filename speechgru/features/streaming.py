"""Frames of a signal that comes piece by piece: put together they are what the whole signal gives."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from speechgru.errors import AudioError, ConfigError
from speechgru.features.framing import Framing


class Streamable(Protocol):
    """What a stream needs of a `Transform` (or a `LogMel`)."""

    @property
    def framing(self) -> Framing | None: ...
    @property
    def whole(self) -> str | None: ...
    def compute(self, signal: Tensor) -> Tensor: ...


class Streaming:
    """One signal, or a batch of signals of one length: `add` each piece, `finish` for the last frames.

    Holds the samples that coming frames still look at: a few windows, however long the signal.
    """

    def __init__(self, transform: Streamable) -> None:
        """Raises ConfigError where `transform` needs the whole signal; the message names the reason."""
        if transform.whole is not None or transform.framing is None:
            reason = transform.whole or "it finds events, not frames"
            raise ConfigError(f"{type(transform).__name__} can't work in blocks: {reason}.")
        self._transform = transform
        self._framing = transform.framing
        self._held: Tensor | None = None
        self._first = 0  # sample that _held begins with
        self._frames = 0

    @property
    def rate(self) -> int:
        """Of the signal, Hz."""
        return self._framing.rate

    @property
    def samples(self) -> int:
        """That have come so far."""
        return self._first + (0 if self._held is None else self._held.shape[1])

    def add(self, piece: Tensor) -> Tensor:
        """Frames that `piece` [time] or [B, time] completes: [frames, bins] or [B, frames, bins], maybe none."""
        rows = piece if piece.dim() > 1 else piece.reshape(1, -1)
        self._held = rows if self._held is None else torch.cat([self._held, rows], dim=1)
        values = self._up_to(self._framing.ready(self.samples))
        return values[0] if piece.dim() == 1 else values

    def finish(self) -> Tensor:
        """The remaining frames [B, frames, bins]; B is 1 where the pieces were [time].

        Raises:
            AudioError: the signal was shorter than one window.
        """
        if self._held is None or self.samples < self._framing.shortest:
            raise AudioError(
                f"Expected at least one window, {self._framing.shortest} samples at {self._framing.rate} Hz; "
                f"got {self.samples}."
            )
        return self._up_to(self._framing.frames(self.samples))

    def _up_to(self, end: int) -> Tensor:
        """Frames from the last one given to `end`; lets go of the samples that no later one needs."""
        assert self._held is not None
        if end <= self._frames:
            # Of any one window: only its shape counts.
            probe = self._held.new_zeros(len(self._held), self._framing.after + self._framing.shortest)
            return self._transform.compute(probe)[:, :0]
        start, stop, drop = self._framing.span(self._frames, end, self.samples)
        held = self._held[:, start - self._first : stop - self._first]
        values = self._transform.compute(held)[:, drop : drop + end - self._frames]
        self._frames = end
        keep = min(self._framing.span(end, end + 1, self.samples)[0], self.samples)
        self._held = self._held[:, keep - self._first :].clone()
        self._first = keep
        return values
