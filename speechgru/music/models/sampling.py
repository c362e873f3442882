"""How music is drawn from a model: what may be asked for, whatever the steps of the model are."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from speechgru.errors import MusicError

OnProgress = Callable[[float], None]
"""Gets the share that is done, in [0, 1]."""


class Choose(Protocol):
    """Decides key by key, from the lowest up, which sound in a step. `last`: the highest key that still may."""

    last: int

    def __call__(self, key: int, odds: NDArray[Any]) -> NDArray[Any] | None:
        """Given the log-odds of sounding [B], which pieces let the key sound, [B]; None: none does."""


Draw = Callable[[Tensor, Choose], NDArray[np.uint8]]
"""Samples one step of B pieces, [B, 88], from the features of a network of KIND "roll"."""


@dataclass(frozen=True)
class SamplingOptions:
    """How to draw. Pitches are MIDI's: 60 is middle C.

    Raises:
        MusicError: a value is outside its range.
    """

    temperature: float = 1.0
    """Above 0; below 1 prefers what is likely, above 1 evens out."""
    top_k: int = 0
    """What it bounds is the model's; 0: no bound."""
    top_p: float = 1.0
    """In (0, 1]: leave out what is unlikely (nucleus sampling: Holtzman et al. 2020)."""
    seed: int = 0
    lowest: int = 0
    highest: int = 127
    pitch_classes: Collection[int] = tuple(range(12))
    """Those that may sound, 0 for C: a key's or a scale's."""

    def __post_init__(self) -> None:
        if not self.temperature > 0 or math.isinf(self.temperature):
            raise MusicError(f"Got temperature {self.temperature}; expected a number above 0, such as 0.8.")
        for name in ("top_k", "seed"):
            if getattr(self, name) < 0:
                raise MusicError(f"Got {name} {getattr(self, name)}; expected 0 or more.")
        if not 0 < self.top_p <= 1:
            raise MusicError(f"Got top_p {self.top_p}; expected a number above 0, at most 1.")
        if not self.pitch_classes or not set(self.pitch_classes) <= set(range(12)):
            raise MusicError(f"Got pitch classes {list(self.pitch_classes)}; expected some of 0 to 11.")
