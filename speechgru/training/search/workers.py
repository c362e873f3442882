"""A search by one process, or by several that share its study."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import optuna

from speechgru.errors import SpeechGruError, TrainingError
from speechgru.training.search import study
from speechgru.training.search.study import Search
from speechgru.utils import console

_NO_MORE = "no more"


def run(search: Search, todo: Sequence[int | None], jobs: int, quiet: bool = False) -> None:
    """Do all tickets, by `jobs` processes where that is more than one, each of which takes signals as this one does.

    Raises:
        study.OutOfTimeError, KeyboardInterrupt: what was trained is kept, and what was in training can be resumed.
        SpeechGruError: what would stop every trial.
    """
    if jobs == 1 or len(todo) < 2:
        study.work(search, todo)
        return
    # Spawned: a forked child would inherit PyTorch's threads in a state of their own.
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    jobs = min(jobs, len(todo))
    for ticket in [*todo, *[_NO_MORE] * jobs]:
        queue.put(ticket)
    processes = [context.Process(target=_work, args=(search, queue, quiet)) for _ in range(jobs)]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    except KeyboardInterrupt:
        for process in processes:
            if process.pid and process.is_alive():
                os.kill(process.pid, signal.SIGINT)  # a terminal did so already; the echo is taken for one
            process.join()
        raise
    codes = [process.exitcode for process in processes]
    if _TIME in codes:
        raise study.OutOfTimeError
    if _STOPPED in codes:
        raise KeyboardInterrupt
    if any(codes):
        raise TrainingError(
            f"{sum(map(bool, codes))} of {jobs} processes of the search ended with an error; what they finished is "
            "kept. Go on with --resume."
        )


_TIME, _STOPPED, _ERROR = 3, 4, 1


def listen(quiet: bool) -> None:
    """A line a trial; what each training and Optuna itself say besides would bury it."""
    console.log(logging.ERROR)
    logging.getLogger(__package__).setLevel(logging.WARNING if quiet else logging.INFO)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _work(search: Search, queue: Any, quiet: bool) -> None:
    """The life of a process of the search; its exit code says how it ended."""
    try:
        listen(quiet)
        study.work(search, iter(queue.get, _NO_MORE))
    except study.OutOfTimeError:
        sys.exit(_TIME)
    except KeyboardInterrupt:
        sys.exit(_STOPPED)
    except (SpeechGruError, OSError) as error:
        console.say(f"error: {error}")
        sys.exit(_ERROR)
