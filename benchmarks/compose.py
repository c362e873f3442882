"""How long a model of notes takes to generate music, after it is loaded.

    python benchmarks/compose.py CHECKPOINT [--steps 400] [--repeats 3]

Prints the fastest of the repeats in seconds, on one thread: of one piece of so many steps, of three beside each other,
and, where the model learnt chorales, of a chorale for a melody of 64 quarter notes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from speechgru.music import harmonize, load_composer
from speechgru.music.files import primer
from speechgru.music.generation.request import Request
from speechgru.music.generation.roll_composer import RollComposer

MELODY = " ".join(["C5 D5 E5 F5 G5 A5 G5 F5 E5 D5 C5 B4 C5 E5 D5 C5"] * 4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    composer = load_composer(args.checkpoint)
    print(f"loading                  {time.perf_counter() - start:6.2f} s")
    request = Request(steps=args.steps)
    for count in (1, 3):
        taken = fastest(lambda count=count: composer.compose(request, count), args.repeats)
        print(f"{count} x {args.steps:4d} steps           {taken:6.2f} s")
    if isinstance(composer, RollComposer) and composer.sings:
        melody = primer.parse(MELODY)
        taken = fastest(lambda: harmonize(composer, melody, Request()), args.repeats)
        print(f"chorale of 64 quarters   {taken:6.2f} s")


def fastest(work: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


if __name__ == "__main__":
    main()
