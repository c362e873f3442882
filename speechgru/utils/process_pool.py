"""One function over many items on several processes, results in order, with a bounded number waiting."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Event
from typing import TypeVar

from speechgru.errors import SpeechGruError

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING = 4  # chunks a process whose results may wait for an earlier one: what bounds the memory


class PoolError(SpeechGruError):
    """A process of the pool died."""


def in_order(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    processes: int,
    preload: Iterable[str] = (),
    chunk: int = 1,
) -> Iterator[Result]:
    """`function` of each of `items`, in their order; by this process where `processes` is 1.

    `function` and what it takes and gives must be picklable. `preload` names modules that are imported once, for all
    processes; they run with one thread of PyTorch each, and get `chunk` items at a time: handing over one costs some
    0.3 ms.

    Raises:
        PoolError: a process died (out of memory, a crash); and what `function` raises.
    """
    if processes == 1:
        yield from map(function, items)
        return
    context = _context(preload)
    stop = context.Event()
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(stop,))
    waiting: deque[Future[list[Result]]] = deque()
    try:
        for start in range(0, len(items), chunk):
            waiting.append(pool.submit(_interruptible, function, items[start : start + chunk]))
            if len(waiting) >= _WAITING * processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        raise PoolError(
            "A process died: out of memory, or a file that crashes its decoder. With --jobs 1 the file shows."
        ) from error
    finally:
        stop.set()  # to chunks that a process has or will get, which can't be cancelled
        pool.shutdown(cancel_futures=True)


def prepare(preload: Iterable[str]) -> None:
    """Begin to import modules for the processes of `in_order`, while the caller imports its own."""
    _context(preload)


def _context(preload: Iterable[str]) -> ForkServerContext:
    # Not fork: the caller may have threads (a progress bar, PyTorch).
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    # The processes inherit what is blocked: a Ctrl-C must not find them before `_begin` says what to do with it.
    resource_tracker.ensure_running()  # which unblocks it where it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


_stop: Event | None = None  # of a process of the pool


def _begin(stop: Event) -> None:
    """In a new process."""
    global _stop
    _stop = stop
    os.environ["OMP_NUM_THREADS"] = "1"  # what PyTorch begins with, where `function` is what imports it
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _interruptible(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Ctrl-C ends work, which cleans up behind itself; between two chunks it is the caller's business."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return [function(item) for item in items if _stop is None or not _stop.is_set()]
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
