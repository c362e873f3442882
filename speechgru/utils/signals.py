"""Ctrl-C and SIGTERM at moments that suit: after a C library's callback, or where a loop's state is whole.

cffi prints what a callback raises and goes on, so that a KeyboardInterrupt in one is lost, and to libsndfile the
recording seems to end there.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

# Seconds in which a second signal is taken for an echo of the first: a wrapper (make, uv run, timeout) passes on
# what the terminal has sent already.
ECHO = 0.5


@contextmanager
def held() -> Iterator[None]:
    """An interrupt inside the `with` block arrives at its end. Other threads than the main one get none anyway."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda _, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(signal.SIGINT, came[0])


class Stop:
    """Inside `with`, the first Ctrl-C or SIGTERM (a job scheduler's, torchrun's) sets `requested`; a second Ctrl-C
    raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}
        self._received = 0.0

    def __enter__(self) -> Stop:
        # Not in the main thread: there is nothing to catch.
        with suppress(ValueError):
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if not self.requested:
            self.requested, self._received = True, time.monotonic()
        elif number == signal.SIGINT and time.monotonic() - self._received > ECHO:
            raise KeyboardInterrupt
