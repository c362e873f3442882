"""What a command says beside its result: lines and a progress bar on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from speechgru.errors import SpeechGruError, printable


def say(message: str) -> None:
    """One line on stderr, above the bar where there is one."""
    line = printable("speechgru: " + " ".join(message.split("\n")))
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        print(line, file=sys.stderr)
    else:
        tqdm.tqdm.write(line, file=sys.stderr)


def log(level: int = logging.WARNING) -> None:
    """Let the package's log lines of `level` and above come out on stderr, and warnings of anything else."""
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
    """A callback that moves a bar on stderr to a fraction; None where stderr isn't a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=description, file=sys.stderr, bar_format=form, leave=False) as bar:
        yield lambda fraction: bar.update(fraction - bar.n)
