"""Command lines run in the test's own process: what they print, and their exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from speechgru import cli


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


def runner(capsys: pytest.CaptureFixture[str], *command: str) -> Run:
    """A function that runs `command` with more arguments. No traceback may be printed."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = cli.main([*command, *map(str, arguments)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Outcome(code, printed.out, printed.err)

    return run


def play(work: str) -> str:
    """Python whose command line has one command, `play`: it does `work`, indented by four spaces."""
    return f"""
import hashlib, sys, types, time
from speechgru import cli; from speechgru.utils import plugins
play = types.ModuleType("speechgru.cli.play")
play.HELP = play.EXAMPLES = ""
play.add_arguments = lambda parser: None
def run(args):
{work}
    return 0
play.run = run
sys.modules["speechgru.cli.play"] = play
plugins.names = lambda folder: ["play"]
sys.argv[1:] = ["play"]
sys.exit(cli.main())
"""
