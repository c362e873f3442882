"""Work that several threads share, each calculating alone: torch, BLAS and compiled loops release the lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_parts(
    function: Callable[[Sequence[_Item]], Sequence[_Result]], items: Sequence[_Item], workers: int
) -> list[_Result]:
    """`function` of all items, called with every `workers`-th of them in as many threads; results in their order."""
    workers = max(min(workers, len(items)), 1)
    with _single(), ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(function, [items[first::workers] for first in range(workers)]))
    results: list[_Result | None] = [None] * len(items)
    for first, part in enumerate(parts):
        results[first::workers] = part
    return results  # type: ignore[return-value]  # all places are filled


@contextmanager
def _single() -> Iterator[None]:
    """Calculations have one thread each."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


@lru_cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
