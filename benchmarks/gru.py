"""Time speechgru.models.gru.GRU, both forms, against torch.nn.GRU on a CPU: forward, and forward + backward.

    python benchmarks/gru.py [--quick] [--threads 2] [--hidden 256 512]

One bidirectional layer, B = 16, T = 250, input size = H. `forward` runs without gradients;
`forward+backward` also takes the gradient of the input, as every layer but the first of a stack does. The
candidates take turns, so that a busy moment of the machine hits all of them, and each gives the median of
its turns.

Floating-point operations of the matrix products, which are nearly all the work: a direction multiplies every
frame [I] by W [I, 3H] and every state [H] by U [H, 3H], at 2 operations per weight, so

    forward = D * B * T * 2 * 3H * (I + H),      forward + backward = 3 * forward

(the backward pass has two products for each of the forward pass: by the weights and by the inputs). The
share is that, per second, over what a square sgemm of 2048 reaches in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from speechgru.models import GRU

GOALS = {256: 0.57, 512: 0.75}  # forward+backward of "before", as a part of torch.nn.GRU's time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--time", type=int, default=250)
    parser.add_argument("--hidden", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, few repeats: only to see that it runs"
    )
    args = parser.parse_args()
    if args.quick:
        args.time, args.hidden, args.repeats = 25, [64], 3
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    peak = gemm_rate(256 if args.quick else 2048)
    print(f"torch {torch.__version__}, {args.threads} threads, sgemm {peak / 1e9:.0f} GFLOP/s")
    print(f"B={args.batch} T={args.time} bidirectional, input size = H, median of {args.repeats}\n")
    print(f"{'H':>4} {'pass':<17}{'form':<14}{'ms':>9}{'of torch.nn':>13}{'of GEMM rate':>14}")
    for hidden in args.hidden:
        compare(args.batch, args.time, hidden, args.repeats, peak)
    print(f"\nmachine at the end: sgemm {gemm_rate(256 if args.quick else 2048) / 1e9:.0f} GFLOP/s")


def gemm_rate(size: int) -> float:
    """Operations per second of a float32 product of two square matrices, the best of a second."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    out = torch.empty(size, size)
    best, until = float("inf"), time.perf_counter() + 1.0
    while time.perf_counter() < until:
        best = min(best, timed(lambda: torch.mm(a, b, out=out)))
    return 2 * size**3 / best


def compare(batch: int, steps: int, hidden: int, repeats: int, peak: float) -> None:
    candidates: dict[str, nn.Module] = {
        "torch.nn.GRU": nn.GRU(hidden, hidden, bidirectional=True, batch_first=True),
        "before": GRU(hidden, hidden, reset="before"),
        "after": GRU(hidden, hidden, reset="after"),
    }
    x = torch.randn(batch, steps, hidden, requires_grad=True)
    forward_work = 2 * batch * steps * 2 * 3 * hidden * (hidden + hidden)
    for name, run, work in (
        ("forward", forward, forward_work),
        ("forward+backward", forward_backward, 3 * forward_work),
    ):
        medians = interleaved({form: lambda m=m, r=run: r(m, x) for form, m in candidates.items()}, repeats)
        for form, seconds in medians.items():
            ratio, share = seconds / medians["torch.nn.GRU"], work / seconds / peak
            goal = f"  (goal {GOALS[hidden]:.2f})" if goal_applies(name, form, hidden) else ""
            print(f"{hidden:>4} {name:<17}{form:<14}{1e3 * seconds:>9.1f}{ratio:>12.2f}x{share:>13.0%}{goal}")


def goal_applies(name: str, form: str, hidden: int) -> bool:
    return name == "forward+backward" and form == "before" and hidden in GOALS


def forward(module: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        module(x)


def forward_backward(module: nn.Module, x: Tensor) -> None:
    x.grad = None
    module.zero_grad(set_to_none=True)
    output, _ = module(x)
    # A gradient like a real one: dense, different everywhere, made without work of its own.
    output.backward(output.detach())


def interleaved(runs: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """Median seconds of each, taking turns, after two rounds of warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 2):
        for name, run in runs.items():
            taken = timed(run)
            if turn >= 2:
                seconds[name].append(taken)
    return {name: statistics.median(values) for name, values in seconds.items()}


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
