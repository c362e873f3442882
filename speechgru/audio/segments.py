"""From the probability of speech in each frame to stretches of speech: two thresholds, shortest lengths, padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import ConfigError

Mask = NDArray[np.bool_]
Span = tuple[float, float]


@dataclass(frozen=True)
class Rules:
    """Which frames make a stretch of speech; lengths in seconds, probabilities in [0, 1].

    Speech begins where the probability reaches `threshold` and lasts until it falls below `release` (a Schmitt
    trigger, so that it doesn't flicker). Pauses shorter than `pause` belong to it; what is then shorter than
    `shortest` is none; `padding` is added on either side.
    """

    threshold: float = 0.5
    release: float = 0.35
    pause: float = 0.2
    shortest: float = 0.1
    padding: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.release <= self.threshold < 1:
            raise ConfigError(
                f"Speech wants 0 < release ≤ threshold < 1; got release={self.release:g} and "
                f"threshold={self.threshold:g}."
            )
        if not all(seconds >= 0 for seconds in (self.pause, self.shortest, self.padding)):
            raise ConfigError(
                f"pause, shortest and padding are seconds from 0 up; got {self.pause:g}, {self.shortest:g} and "
                f"{self.padding:g}."
            )


def spans(probabilities: NDArray[Any], frame_seconds: float, duration: float, rules: Rules) -> list[Span]:
    """Start and end of each stretch of speech, in seconds within [0, `duration`], in order and apart.

    Args:
        probabilities: of speech, [frames]; frame t is centred at t * `frame_seconds`.
    """
    mask = held(probabilities, rules.threshold, rules.release)
    mask = without_gaps(mask, rules.pause / frame_seconds)
    stretches: list[Span] = []
    for first, last in runs(without_runs(mask, rules.shortest / frame_seconds)).tolist():
        start = max((first - 0.5) * frame_seconds - rules.padding, 0.0)
        end = min((last - 0.5) * frame_seconds + rules.padding, duration)
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], end
        elif start < end:
            stretches.append((start, end))
    return stretches


def held(values: NDArray[Any], threshold: float, release: float) -> Mask:
    """Of `values` [frames]: true from where they reach `threshold` to where they fall below `release`."""
    decides = (values >= threshold) | (values < release)
    last = np.maximum.accumulate(np.where(decides, np.arange(1, len(values) + 1), 0))
    return np.concatenate([[False], values >= threshold])[last]


def runs(mask: Mask) -> NDArray[np.int64]:
    """[start, end) of each run of true frames, in order: [runs, 2]."""
    return np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)


def without_runs(mask: Mask, shortest: float) -> Mask:
    """`mask` without runs of true that have fewer than `shortest` frames."""
    kept: Mask = mask.copy()
    for start, end in runs(mask).tolist():
        kept[start:end] = end - start >= shortest - 1e-6
    return kept


def without_gaps(mask: Mask, shortest: float) -> Mask:
    """`mask` with runs of false between two of true filled where they have fewer than `shortest` frames."""
    edges = runs(mask)
    filled: Mask = mask.copy()
    for start, end in zip(edges[:-1, 1].tolist(), edges[1:, 0].tolist()):
        filled[start:end] = end - start < shortest - 1e-6
    return filled
