"""Piano rolls that a model makes up, step by step. Constraints act while it draws, so what follows knows of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music import rolls, views
from speechgru.music.rollmodel import RollModel
from speechgru.music.rolls import HIGHEST, KEYS, LOWEST, Roll
from speechgru.music.views import Memory, View

OnProgress = Callable[[float], None]
"""Is told the share that is done, in [0, 1]."""
FREE = -1
"""In `fixed`: the model decides whether this key sounds."""


@dataclass(frozen=True)
class Sampling:
    """How to draw. Pitches are MIDI's: 60 is middle C.

    Raises:
        MusicError: a value is outside its range.
    """

    temperature: float = 1.0
    """Above 0; below 1 prefers what is likely, above 1 evens out."""
    top_k: int = 0
    """Most keys that sound at once, the lowest ones first; 0: as many as come."""
    top_p: float = 1.0
    """In (0, 1]: a key whose probability of sounding (or of being silent) is at least this does so. Nucleus sampling
    (Holtzman et al. 2020) of two choices."""
    seed: int = 0
    lowest: int = LOWEST
    highest: int = HIGHEST
    pitch_classes: Collection[int] = tuple(range(12))
    """Those that may sound, 0 for C: a key's or a scale's."""

    def __post_init__(self) -> None:
        if not self.temperature > 0 or math.isinf(self.temperature):
            raise MusicError(f"Got temperature {self.temperature}; expected a number above 0, such as 0.8.")
        if self.top_k < 0:
            raise MusicError(f"Got top_k {self.top_k}; expected 0 or more.")
        if not 0 < self.top_p <= 1:
            raise MusicError(f"Got top_p {self.top_p}; expected a number above 0, at most 1.")
        if self.seed < 0:
            raise MusicError(f"Got seed {self.seed}; expected 0 or more.")
        if not LOWEST <= self.lowest <= self.highest <= HIGHEST:
            raise MusicError(
                f"Got pitches {self.lowest} to {self.highest}; expected a range within {LOWEST} to {HIGHEST}."
            )
        if not self.pitch_classes or not set(self.pitch_classes) <= set(range(12)):
            raise MusicError(f"Got pitch classes {list(self.pitch_classes)}; expected some of 0 to 11.")

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which of the 88 keys may sound."""
        pitches = np.arange(LOWEST, HIGHEST + 1)
        inside = (self.lowest <= pitches) & (pitches <= self.highest)
        allowed: NDArray[np.bool_] = inside & np.isin(pitches % 12, list(self.pitch_classes))
        return allowed


@torch.inference_mode()
def sample_rolls(
    model: RollModel,
    steps: int,
    count: int = 1,
    *,
    options: Sampling | None = None,
    primer: Roll | None = None,
    fixed: NDArray[np.int8] | None = None,
    on_progress: OnProgress | None = None,
) -> Roll:
    """Make up `count` pieces of `steps` steps each, [count, steps, 88].

    The same seed gives the same pieces on the same machine, and the first of several is the one that is drawn alone.

    Args:
        primer: what each begins with, [steps, 88]; it counts as part of their `steps`, and no constraint changes it.
        fixed: keys that are given, [steps, 88]: 1 sounds, 0 is silent, FREE is up to the model. It goes before all
            other constraints.
        on_progress: called after each step with the share that is done.

    Raises:
        MusicError: steps or count below 1, a primer that is no roll or longer than the piece, `fixed` of another shape.
    """
    options = options or Sampling()
    start = np.zeros((0, KEYS), dtype=np.uint8) if primer is None else np.asarray(primer)
    _check(steps, count, start, fixed)
    pieces = np.zeros((count, steps, KEYS), dtype=np.uint8)
    pieces[:, : len(start)] = start
    memories = [Memory(steps) for _ in range(count)]
    for memory in memories:
        for step in start:
            memory.hear(step)
    network = model.network.eval()
    device = next(network.parameters()).device
    state = _after(network, start, count) if len(start) else None
    generators = [np.random.default_rng([options.seed, number]) for number in range(count)]
    for t in range(len(start), steps):
        features, state = network.hear(view_of(memories, pieces, t, device), state)
        draws = np.stack([generator.random(KEYS) for generator in generators], axis=1)
        choose = _chooser(options, draws, None if fixed is None else fixed[t])
        pieces[:, t] = network.draw(features.cpu(), choose)
        for memory, step in zip(memories, pieces[:, t], strict=True):
            memory.hear(step)
        if on_progress:
            on_progress((t + 1) / steps)
    return pieces


def _check(steps: int, count: int, start: Roll, fixed: NDArray[np.int8] | None) -> None:
    if min(steps, count) < 1:
        raise MusicError(f"Got {steps} steps and {count} pieces; expected 1 or more of both.")
    rolls.check(start)
    if len(start) > steps:
        raise MusicError(
            f"The primer has {len(start)} steps, the piece {steps}. Make the piece longer or the primer shorter."
        )
    if fixed is not None and (fixed.shape != (steps, KEYS) or not np.isin(fixed, (FREE, 0, 1)).all()):
        raise MusicError(
            f"Fixed keys must be [{steps}, {KEYS}] of {FREE}, 0 and 1; got shape {list(fixed.shape)}."
        )


def _after(network: Any, start: Roll, count: int) -> torch.Tensor:
    """The state before the step that follows `start`."""
    known = views.hear(start)
    device = next(network.parameters()).device
    view = View(*(part.to(device) for part in views.view([known], [(0, len(start))])))
    _, state = network.hear(view)
    return state.repeat_interleave(count, dim=1)


def view_of(memories: list[Memory], pieces: Roll, t: int, device: torch.device) -> View:
    """What is known before step t of each piece."""
    previous = pieces[:, t - 1 : t] if t else np.zeros_like(pieces[:, :1])
    echo = np.stack([memory.echo for memory in memories])[:, None]
    match = np.array([[memory.match] for memory in memories])
    parts = (
        previous.astype(np.float32),
        echo.astype(np.float32),
        match.astype(np.float32),
        np.full_like(match, t),
    )
    return View(*(torch.from_numpy(part).to(device) for part in parts))


def _chooser(
    options: Sampling, draws: NDArray[np.float64], fixed: NDArray[np.int8] | None
) -> Callable[[int, NDArray[Any]], NDArray[Any]]:
    """What `Model.draw` asks about each key of one step: `draws` [88, pieces] in [0, 1)."""
    allowed, sounding = options.allowed, np.zeros(draws.shape[1], dtype=np.int64)
    # u < sigma(x / T) where T log(u / (1 - u)) < x: so no sigma is computed key by key.
    with np.errstate(divide="ignore"):
        bars = options.temperature * np.log(draws / (1 - draws))
    sure = math.inf
    if options.top_p < 1:
        sure = max(0.0, options.temperature * math.log(options.top_p / (1 - options.top_p)))

    def choose(key: int, logits: NDArray[Any]) -> NDArray[Any]:
        nonlocal sounding
        if fixed is not None and fixed[key] != FREE:
            chosen = np.full(len(sounding), fixed[key] == 1)
        elif not allowed[key]:
            return np.zeros(len(sounding), dtype=bool)
        else:
            chosen = (logits > bars[key]) & (logits > -sure) | (logits >= sure)
            if options.top_k:
                chosen &= sounding < options.top_k
        sounding = sounding + chosen
        return chosen

    return choose
