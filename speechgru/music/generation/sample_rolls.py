"""Piano rolls sampled from a model step by step. Constraints act on every draw, so that what follows fits them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.models import roll_inputs
from speechgru.music.models.roll_inputs import RollHistory, View
from speechgru.music.models.roll_model import RollModel
from speechgru.music.models.sampling import OnProgress, SamplingOptions
from speechgru.music.score import piano_roll
from speechgru.music.score.piano_roll import HIGHEST, KEYS, LOWEST, Roll

FREE = -1
"""In `fixed`: the model decides whether this key sounds."""


@dataclass(frozen=True)
class RollSampling(SamplingOptions):
    """How to draw a roll. `top_k`: most keys that sound at once, the lowest ones first. `top_p`: a key whose
    probability of sounding (or of being silent) is at least this does so.

    Raises:
        MusicError: a value is outside its range.
    """

    lowest: int = LOWEST
    highest: int = HIGHEST

    def __post_init__(self) -> None:
        super().__post_init__()
        if not LOWEST <= self.lowest <= self.highest <= HIGHEST:
            raise MusicError(
                f"Got pitches {self.lowest} to {self.highest}; expected a range within {LOWEST} to {HIGHEST}."
            )

    @cached_property
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
    options: RollSampling | None = None,
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
    options = options or RollSampling()
    start = np.zeros((0, KEYS), dtype=np.uint8) if primer is None else np.asarray(primer)
    _check(steps, count, start, fixed)
    pieces = np.zeros((count, steps, KEYS), dtype=np.uint8)
    pieces[:, : len(start)] = start
    histories = [RollHistory(steps) for _ in range(count)]
    for history in histories:
        for step in start:
            history.append(step)
    network = model.network.eval()
    device = next(network.parameters()).device
    draw, state = network.sampler(), _after(network, start, count) if len(start) else None
    generators = [np.random.default_rng([options.seed, number]) for number in range(count)]
    for t in range(len(start), steps):
        features, state = network.encode(view_of(histories, pieces, t, device), state)
        draws = np.stack([generator.random(KEYS) for generator in generators], axis=1)
        choose = _Chooser(options, draws, None if fixed is None else fixed[t])
        pieces[:, t] = draw(features.cpu(), choose)
        for history, step in zip(histories, pieces[:, t], strict=True):
            history.append(step)
        if on_progress:
            on_progress((t + 1) / steps)
    return pieces


def _check(steps: int, count: int, start: Roll, fixed: NDArray[np.int8] | None) -> None:
    if min(steps, count) < 1:
        raise MusicError(f"Got {steps} steps and {count} pieces; expected 1 or more of both.")
    piano_roll.check(start)
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
    known = roll_inputs.inputs_of(start)
    device = next(network.parameters()).device
    view = View(*(part.to(device) for part in roll_inputs.view([known], [(0, len(start))])))
    _, state = network.encode(view)
    repeated: torch.Tensor = state.repeat_interleave(count, dim=1)
    return repeated


def view_of(histories: list[RollHistory], pieces: Roll, t: int, device: torch.device) -> View:
    """What is known before step t of each piece."""
    previous = pieces[:, t - 1 : t] if t else np.zeros_like(pieces[:, :1])
    predicted = np.stack([history.predicted for history in histories])[:, None]
    match = np.array([[history.match] for history in histories])
    parts = (
        previous.astype(np.float32),
        predicted.astype(np.float32),
        match.astype(np.float32),
        np.full_like(match, t),
    )
    return View(*(torch.from_numpy(part).to(device) for part in parts))


class _Chooser:
    """Who sounds in one step: `draws` [88, pieces] in [0, 1)."""

    def __init__(
        self, options: RollSampling, draws: NDArray[np.float64], fixed: NDArray[np.int8] | None
    ) -> None:
        self.may, self.most, self.fixed = options.allowed, options.top_k or KEYS, fixed
        self.last = _last(self.may if fixed is None else (fixed == 1) | (fixed == FREE) & self.may)
        self.count = np.zeros(draws.shape[1], dtype=np.int64)
        # u < sigma(x / T) where T log(u / (1 - u)) < x: so no sigma is computed key by key.
        with np.errstate(divide="ignore"):
            self.bars = options.temperature * np.log(draws / (1 - draws))
        self.sure = math.inf
        if options.top_p < 1:
            self.sure = max(0.0, options.temperature * math.log(options.top_p / (1 - options.top_p)))

    def __call__(self, key: int, odds: NDArray[Any]) -> NDArray[Any] | None:
        if self.fixed is not None and self.fixed[key] != FREE:
            chosen = np.full(len(self.count), self.fixed[key] == 1)
        elif not self.may[key]:
            return None
        else:
            chosen = odds > self.bars[key]
            if self.sure < math.inf:
                chosen = chosen & (odds > -self.sure) | (odds >= self.sure)
            chosen &= self.count < self.most
        if not chosen.any():
            return None
        self.count = self.count + chosen
        if self.fixed is None and self.count.min() >= self.most:
            self.last = key
        return chosen


def _last(may: NDArray[np.bool_]) -> int:
    """The highest key that may sound; -1: none."""
    return int(max(np.flatnonzero(may), default=-1))
