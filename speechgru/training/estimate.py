"""What a run will cost, measured on a few steps before it starts: time, memory, and a batch size that fits."""

from __future__ import annotations

import math
import os
import resource
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import torch

from speechgru.config.trainer import TrainerConfig
from speechgru.errors import TrainingError
from speechgru.training.loop import Task
from speechgru.training.optim import autocast

MEASURED = 3  # steps besides the largest one
_SPARE = 0.8  # of the free memory that a suggestion may take


@dataclass(frozen=True)
class Estimate:
    """Seconds a step and an epoch (without the dev evaluation), steps of the whole run, peak bytes of this process,
    and how many times as large a batch would take four fifths of the free memory (0: not known)."""

    step_seconds: float
    loading_share: float
    epoch_seconds: float
    epochs: int
    steps: int
    peak_bytes: int
    fitting: float

    def __str__(self) -> str:
        total = self.epoch_seconds * self.epochs
        fits = f"; a batch about {self.fitting:.1f} times as large would fit" if self.fitting else ""
        return (
            f"plan: {self.step_seconds:.2f} s a step ({100 * self.loading_share:.0f} % of it waiting for data), "
            f"{_clock(self.epoch_seconds)} an epoch, {_clock(total)} for {self.epochs} epochs ({self.steps} steps), "
            f"dev evaluation not counted; memory {self.peak_bytes / 1e9:.1f} GB{fits}"
        )


def measure(task: Task, trainer: TrainerConfig) -> Estimate:
    """Run the largest batch of an epoch and MEASURED others forward and backward; the weights stay as they are.

    Raises:
        TrainingError: the largest batch doesn't fit in the memory of the GPU.
    """
    device = next(task.model.parameters()).device
    plan = task.plan(1)
    # plan() begins with the largest batch; the others are spread over the epoch.
    chosen = [plan[0], *(plan[(i + 1) * (len(plan) - 1) // MEASURED] for i in range(MEASURED))]
    before = _memory(device)
    task.model.train()
    times, waits = _steps(task, chosen, device, trainer.precision)
    peak = _memory(device)
    free = _free(device)
    each = sorted(times[1:])[len(times[1:]) // 2] if len(plan) > 1 else times[0]
    grown = peak - before
    return Estimate(
        step_seconds=each,
        loading_share=sum(waits[1:]) / sum(times[1:]),
        epoch_seconds=sum(times[1:]) / MEASURED * len(plan),
        epochs=trainer.epochs,
        steps=trainer.epochs * math.ceil(len(plan) / trainer.accumulate),
        peak_bytes=peak,
        fitting=_SPARE * (free + grown) / grown if grown > 0 else 0.0,
    )


def _steps(
    task: Task, plan: Sequence[Any], device: torch.device, precision: str
) -> tuple[list[float], list[float]]:
    """Seconds of each step, and how many of them it waited for its batch."""
    times, waits = [], []
    loader = task.load(plan, 1)
    with closing(loader):
        for _ in plan:
            started = time.perf_counter()
            batch = next(loader)
            waits.append(time.perf_counter() - started)
            try:
                with autocast(precision, device):
                    loss, _count = task.loss(batch)
                torch.autograd.backward(loss)
            except torch.OutOfMemoryError as error:
                raise TrainingError(
                    "The largest batch doesn't fit in the GPU's memory. Pass a smaller trainer.batch_seconds, and "
                    "trainer.accumulate for as many recordings a step."
                ) from error
            task.model.zero_grad(set_to_none=True)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - started)
    return times, waits


def _memory(device: torch.device) -> int:
    """Most bytes taken so far: on the GPU, or by this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _free(device: torch.device) -> int:
    """Bytes that could be taken besides."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _clock(seconds: float) -> str:
    """`1 h 05 min`, `3 min 20 s`, `4.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
