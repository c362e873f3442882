"""Ctrl-C answered at once, also while a library computes or compiles and Python's own handler has to wait.

Python runs signal handlers between two bytecodes of the main thread. Its C handler however writes the signal's number
to a pipe the moment it comes (`signal.set_wakeup_fd`): a thread reads that pipe.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType

from speechgru.utils.signals import ECHO

GRACE = 1.0  # seconds that a second Ctrl-C leaves for tidying up
CODE = 130
_ANSWER = "speechgru: stopping; Ctrl-C once more ends it without waiting"


class Watch:
    """Answers on stderr to the first Ctrl-C; ends the process soon after a second one.

    Attributes:
        requested: whether there was one. What it ended may look like another error: of an import, say.
    """

    def __init__(self) -> None:
        self.requested = False
        self._first = threading.Lock()  # whoever has it answers
        self._answered = threading.Event()

    def start(self) -> None:
        """Begin to watch, for as long as the process lives. In another thread than the main one there is nothing to
        watch, and where Ctrl-C is ignored (a shell's background job) nothing comes."""
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._receive)
        threading.Thread(target=self._read, args=(reading,), name="Ctrl-C", daemon=True).start()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._answer()
        self._answered.wait(GRACE)  # the thread may be about to: the process must not end before
        signal.default_int_handler(number, frame)

    def _answer(self) -> None:
        if self._first.acquire(blocking=False):
            _say(_ANSWER)
            self._answered.set()

    def _read(self, pipe: int) -> None:
        first = 0.0
        while True:
            if signal.SIGINT not in os.read(pipe, 1):
                continue
            self._answer()
            if not first:
                first = time.monotonic()
            elif time.monotonic() - first > ECHO:
                time.sleep(GRACE)
                os._exit(CODE)


def _say(line: str) -> None:
    """Past sys.stderr, whose lock the main thread may hold; below the `^C` that a terminal shows."""
    with suppress(OSError):
        above = "\n" if os.isatty(2) else ""
        os.write(2, f"{above}{line}\n".encode())
