"""One function over many items on several processes, results in order, with a bounded number waiting."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from speechgru.errors import SpeechGruError

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING = 4  # results a process that may wait for an earlier one: what bounds the memory


class PoolError(SpeechGruError):
    """A process of the pool died."""


def in_order(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    processes: int,
    preload: Iterable[str] = (),
) -> Iterator[Result]:
    """`function` of each of `items`, in their order; by this process where `processes` is 1.

    `function` and what it takes and gives must be picklable. `preload` names modules that are imported once, for all
    processes; they run with one thread of PyTorch each.

    Raises:
        PoolError: a process died (out of memory, a crash); and what `function` raises.
    """
    if processes == 1:
        yield from map(function, items)
        return
    # Not fork: the caller may have threads (a progress bar, PyTorch).
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    pool = ProcessPoolExecutor(processes, context, initializer=_one_thread)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(_interruptible, function, item))
            if len(waiting) >= _WAITING * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise PoolError(
            "A process died: out of memory, or a file that crashes its decoder. With --jobs 1 the file shows."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interruptible(function: Callable[[Item], Result], item: Item) -> Result:
    """Ctrl-C ends work, which cleans up behind itself; between two items it is the caller's business."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return function(item)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
