"""What a command says beside its result: lines and a progress bar on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TextIO

from speechgru.errors import SpeechGruError, printable


class Verbosity(Enum):
    """How much a command says beside its result."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


_verbosity = Verbosity.NORMAL


def set_verbosity(verbosity: Verbosity) -> None:
    """From now on: QUIET leaves out notes and bars, VERBOSE adds log lines and what `detail` is given."""
    global _verbosity
    _verbosity = verbosity
    # That something is compiled is a note, though one that a caller from Python should see too.
    logging.getLogger("speechgru.utils.jit").setLevel(logging.ERROR if is_quiet() else logging.NOTSET)
    if verbosity is Verbosity.VERBOSE:
        log()


def is_quiet() -> bool:
    """Whether warnings and errors alone are wanted."""
    return _verbosity is Verbosity.QUIET


def is_verbose() -> bool:
    """Whether all is wanted that can be said."""
    return _verbosity is Verbosity.VERBOSE


def no_bar() -> bool | None:
    """For tqdm's `disable`: None (no bar where stderr is no terminal), or True where none is wanted."""
    return True if is_quiet() else None


def say(message: str) -> None:
    """One line on stderr, above the bar where there is one. `note: ...` is left out where QUIET was asked for."""
    if is_quiet() and message.startswith("note:"):
        return
    line = printable("speechgru: " + " ".join(message.split("\n")))
    with above_bars(sys.stderr):
        print(line, file=sys.stderr)


def detail(message: str) -> None:
    """One line on stderr where VERBOSE was asked for."""
    if is_verbose():
        say(message)


def complain(message: str, code: int) -> int:
    """An error as one line on stderr; returns the exit code."""
    line = " ".join(part.strip() for part in message.splitlines())
    print(printable(f"speechgru: error: {line}"), file=sys.stderr)
    return code


@contextmanager
def above_bars(stream: TextIO) -> Iterator[None]:
    """What is written to `stream` inside stands above the bars of a terminal, which are drawn anew behind it."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        yield
        return
    with tqdm.tqdm.external_write_mode(file=stream):
        yield


WHEN = AUTO, ALWAYS, NEVER = "auto", "always", "never"
"""What an option about colours takes."""


def use_color(when: str, stream: TextIO) -> bool:
    """Whether `stream` gets colours: with "auto" a terminal that knows them, unless NO_COLOR (no-color.org) is set."""
    if when != AUTO:
        return when == ALWAYS
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def log(level: int = logging.WARNING) -> None:
    """Let the package's log lines of `level` and above come out on stderr, and warnings of anything else.

    Where VERBOSE was asked for, those of INFO and above come out, where QUIET was, no more than warnings.
    """
    if is_verbose():
        level = min(level, logging.INFO)
    elif is_quiet():
        level = max(level, logging.WARNING)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:
            handler.setFormatter(_Printable("%(message)s"))
    logging.getLogger("speechgru").setLevel(level)


class _Printable(logging.Formatter):
    """Lines may name what is in other people's files."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


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
    """A callback that moves a bar on stderr to a fraction; None where stderr isn't a terminal, or none is wanted."""
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=description, file=sys.stderr, bar_format=form, leave=False) as bar:
        yield lambda fraction: bar.update(fraction - bar.n)
