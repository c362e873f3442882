"""What a command says beside its result: lines and a progress bar on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from speechgru.errors import SpeechGruError


def say(message: str) -> None:
    """One line on stderr, above the bar where there is one."""
    line = "speechgru: " + " ".join(message.split("\n"))
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        print(line, file=sys.stderr)
    else:
        tqdm.tqdm.write(line, file=sys.stderr)


WHEN = AUTO, ALWAYS, NEVER = "auto", "always", "never"
"""What an option about colours takes."""


def use_color(when: str, stream: TextIO) -> bool:
    """Whether `stream` gets colours: with "auto" a terminal that knows them, unless NO_COLOR (no-color.org) is set."""
    if when != AUTO:
        return when == ALWAYS
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def log(level: int = logging.WARNING) -> None:
    """Let the package's log lines of `level` and above come out on stderr, and warnings of anything else."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("speechgru").setLevel(level)


def exit_code(work: Callable[[], object]) -> int:
    """0 where `work` ends; 1, and the reason on stderr, where it raises what whoever called it can mend."""
    try:
        work()
    except (SpeechGruError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def progress(description: str) -> Iterator[Callable[[float], None] | None]:
    """A callback that moves a bar on stderr to a fraction; None where stderr isn't a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=description, file=sys.stderr, bar_format=form, leave=False) as bar:
        yield lambda fraction: bar.update(fraction - bar.n)
