"""How fast a recipe trains, and what its steps wait for.

    python benchmarks/train.py [RECIPE] [KEY=VALUE ...] [--threads 2] [--steps 30] [--device cpu] [--quick]

Takes real steps (forward, backward, clip, optimizer) on real batches of the recipe's training recordings, with each way
to load them:

decode            every recording is decoded from its file, each time (corpus.cache=false)
cached audio      decoded once, read back from disk (corpus.cache=true, the default)
cached features   as good as no loading: the features of the batch are there already; what caching them could gain at
                  most. Augmentation of the sound would be lost, so the trainer has no such mode
+ 1 worker        the same read by a process beside the loop (trainer.workers=1), which takes a core's time too

model time   share of a step that the network works; the rest waits for data. The aim is 90 %
audio h / h  hours of recordings learnt from in an hour, dev evaluation not counted
ratio        of audio h / h, to cached audio

Each way takes all its steps in one go, so that a worker reads ahead as it would in training, and after all have had
their turn they have another, so that one busy moment of the machine doesn't decide; shares are medians, hours are sums.
On a GPU (--device cuda) the precision is bfloat16 and a batch 960 seconds of padded audio, unless trainer.* says
otherwise.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from speechgru.config import Recipe, load_recipe
from speechgru.training import TaskContext
from speechgru.training.optim import autocast, optimizer, precision
from speechgru.utils import plugins

GPU = ["trainer.batch_seconds=960"]
TINY = ["model.layers=1", "model.width=32", "trainer.batch_seconds=10"]
WARM_UP, ROUNDS = 2, 2


@dataclass
class Way:
    """A way to load, what gives its batches anew, and what its steps took."""

    name: str
    load: Callable[[], Generator[Any, None, None]]
    waits: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of a step in which the model works."""
        return statistics.median(1 - w / s for w, s in zip(self.waits, self.steps))

    @property
    def rate(self) -> float:
        """Hours of audio in an hour."""
        return sum(self.seconds) / sum(self.steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", default="english-small")
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30, help="measured with each way")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--quick", action="store_true", help="a small network and few steps: only to see that it runs"
    )
    args = parser.parse_intermixed_args()
    torch.set_num_threads(args.threads)
    steps = 3 if args.quick else args.steps
    overrides = [*(GPU if args.device == "cuda" else []), *(TINY if args.quick else []), *args.overrides]
    recipe = load_recipe(args.recipe, overrides)
    device = torch.device(args.device)
    dtype = str(precision(recipe.trainer.precision, device)).removeprefix("torch.")
    print(
        f"{args.recipe}, {device}, {dtype}, torch {torch.__version__}, {args.threads} threads, {steps} steps a way"
    )
    with tempfile.TemporaryDirectory() as folder:
        ways = measure(recipe, device, Path(folder), WARM_UP + steps)
    base = next(way for way in ways if way.name == "cached audio")
    print(f"\n{'':<26}{'s / step':>9}{'waiting s':>11}{'model time':>12}{'audio h / h':>13}{'ratio':>8}")
    for way in ways:
        print(
            f"{way.name:<26}{statistics.median(way.steps):>9.3f}{statistics.median(way.waits):>11.3f}"
            f"{way.share:>12.1%}{way.rate:>13.1f}{way.rate / base.rate:>8.2f}"
        )


def measure(recipe: Recipe, device: torch.device, folder: Path, count: int) -> list[Way]:
    """Each way's steps on the same batches."""
    module: Any = plugins.find("tasks", recipe.task)
    data = module.prepare(recipe)

    def task(cache: bool, workers: int) -> Any:
        corpus = replace(recipe.corpus, cache=cache, cache_folder=str(folder / "audio"))
        trainer = replace(recipe.trainer, workers=workers)
        return module.Task(TaskContext(replace(recipe, corpus=corpus, trainer=trainer), data, device))

    learner = task(cache=True, workers=0)
    every = learner.plan(1)
    plan = [every[i * len(every) // count] for i in range(min(count, len(every)))]
    kept = list(learner.load(plan, 1))  # fills the cache too

    def loading(cache: bool, workers: int) -> Callable[[], Generator[Any, None, None]]:
        return lambda: task(cache, workers).load(plan, 1)

    ways = [
        Way("decode", loading(cache=False, workers=0)),
        Way("cached audio", loading(cache=True, workers=0)),
        Way("cached features", lambda: (batch for batch in kept)),
        Way("decode + 1 worker", loading(cache=False, workers=1)),
        Way("cached audio + 1 worker", loading(cache=True, workers=1)),
    ]
    step = stepper(learner, recipe, device)
    seconds = [sum(learner.train.utterances[i].duration for i in indices) for indices in plan]
    for way in ways * ROUNDS:
        take(way, step, seconds)
    return ways


def take(way: Way, step: Callable[[Any], None], seconds: list[float]) -> None:
    """All steps of a way, `seconds` of audio in each; the first WARM_UP aren't counted."""
    with closing(way.load()) as batches:
        for number, read in enumerate(seconds):
            started = time.perf_counter()
            batch = next(batches)
            waited = time.perf_counter() - started
            step(batch)
            if number >= WARM_UP:
                way.waits.append(waited)
                way.steps.append(time.perf_counter() - started)
                way.seconds.append(read)


def stepper(task: Any, recipe: Recipe, device: torch.device) -> Callable[[Any], None]:
    """One step of training, as training.fit() takes it."""
    optimiser = optimizer(task.model, recipe.optimizer)
    for group in optimiser.param_groups:
        group["lr"] = 1e-6  # so that many steps leave the network as it is
    task.model.train()

    def step(batch: Any) -> None:
        optimiser.zero_grad(set_to_none=True)
        with autocast(recipe.trainer.precision, device):
            loss, n = task.loss(batch)
        (loss / n).backward()
        if recipe.trainer.clip:
            nn.utils.clip_grad_norm_(task.model.parameters(), recipe.trainer.clip)
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step


if __name__ == "__main__":
    main()
