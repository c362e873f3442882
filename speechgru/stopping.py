"""Ctrl-C, heard but not obeyed at once: a loop stops where its state is whole."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Seconds in which a second signal is taken for an echo of the first: a wrapper (make, uv run, timeout) passes on
# what the terminal has sent already.
ECHO = 0.5


class Stop:
    """Inside `with`, the first Ctrl-C sets `requested`; a second one raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None
        self._heard = 0.0

    def __enter__(self) -> Stop:
        try:
            self._before = signal.signal(signal.SIGINT, self._hear)
        except ValueError:  # not in the main thread: there is no Ctrl-C to catch
            self._before = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, _: int, __: FrameType | None) -> None:
        if not self.requested:
            self.requested, self._heard = True, time.monotonic()
        elif time.monotonic() - self._heard > ECHO:
            raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C inside the `with` block takes effect at its end."""
    heard: list[int] = []
    try:
        before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        signal.raise_signal(signal.SIGINT)
