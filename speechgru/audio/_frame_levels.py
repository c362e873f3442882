"""How loud each 10 ms of a recording is: what silence at its ends, and its share of silence, are told by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.multichannel import Block

FRAME_SECONDS = 0.01
LOWEST_DB = -200.0  # the level given to digital zero
THRESHOLD_DB = 40.0  # below the loudest frame: sox's `silence` is mostly used with 1 %, which is this


class FrameLevels:
    """Mean power of the loudest channel in each frame, in dB of full scale; fed consecutive blocks."""

    def __init__(self, rate: int) -> None:
        self.size = max(round(FRAME_SECONDS * rate), 1)  # samples of a frame
        self._held: Block | None = None
        self._powers: list[NDArray[np.float64]] = []

    def add(self, block: Block) -> None:
        """Measure `block` [time, channels]."""
        held = block if self._held is None else np.concatenate([self._held, block])
        whole = len(held) // self.size * self.size
        self._powers.append(self._power(held[:whole]))
        self._held = held[whole:]

    def finish(self) -> NDArray[np.float64]:
        """The levels [frames]; what is left of a last frame counts as one, by the samples there are."""
        rest = self._held
        if rest is not None and len(rest):
            power = np.square(rest, dtype=np.float64).mean(axis=0).max()
            self._powers.append(np.array([power]))
            self._held = rest[:0]
        power = np.concatenate([np.zeros(0), *self._powers])
        levels: NDArray[np.float64] = 10 * np.log10(power + 10 ** (LOWEST_DB / 10))
        return levels

    def _power(self, block: Block) -> NDArray[np.float64]:
        frames = block.reshape(-1, self.size, block.shape[1])
        powers: NDArray[np.float64] = np.square(frames, dtype=np.float64).mean(axis=1).max(axis=1)
        return powers
