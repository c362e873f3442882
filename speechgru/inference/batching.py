"""How signals are put together in batches: of about one length, and few different lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from speechgru.audio.energy import Signal

BATCH_SECONDS = {"cpu": 80.0, "cuda": 960.0}  # padding included; on a CPU more costs memory and gains nothing
POOLED_BATCHES = 4  # the pool holds audio for so many, so that lengths can be matched
PADDING_SECONDS = 1.0  # batches are padded to a multiple of it


def padded(count: int, rate: int) -> int:
    """Samples of each row of a batch whose longest signal, at `rate` Hz, has `count`.

    Few different numbers, as PyTorch's kernels keep memory for each shape they met: 100 MB for an hour's pieces.
    """
    step = round(PADDING_SECONDS * rate)
    return -(-count // step) * step


def batches(signals: Sequence[Signal], rate: int, seconds: float, most: int) -> Iterator[list[int]]:
    """The numbers of `signals`, in batches of `most` and of `seconds` (padding included) at most; the longest first.

    Nothing in a batch is less than half as long as its first: padding would cost more than another batch.
    """
    left = sorted(range(len(signals)), key=lambda number: -len(signals[number]))
    while left:
        longest = len(signals[left[0]])
        room = int(seconds * rate / padded(longest, rate))
        size = max(1, min(most, room))
        size = sum(2 * len(signals[number]) >= longest for number in left[:size])
        yield left[:size]
        left = left[size:]
