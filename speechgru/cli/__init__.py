"""The command `speechgru`: finds the command's file, parses, calls, and turns errors into exit codes.

A command is a file of this folder with HELP (one line), EXAMPLES, add_arguments(parser) and run(args), which
returns the exit code: 0 done, 1 an error that the message explains, 2 wrong usage, 130 Ctrl-C, 141 the reader
of a pipe left. SPEECHGRU_DEBUG=1 shows the traceback of an error.

A folder of this folder is a group of commands (`speechgru lm build`): its files are the commands, its `__init__`
says HELP.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from speechgru import __version__
from speechgru.errors import DependencyError, SpeechGruError, UsageError
from speechgru.utils import plugins

DEBUG_VARIABLE = "SPEECHGRU_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (by default the process's own) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_closed_streams()
    try:
        code = _code(arguments)
        sys.stdout.flush()  # a closed pipe or a full disk shows here, not in an ugly line at exit
        return code
    except BrokenPipeError:
        # Python flushes stdout once more at exit; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            traceback.print_exc()
        from speechgru.utils import dependencies

        try:
            told = dependencies.explain(error) or error
        except DependencyError as worse:  # what compares versions fails too
            told = worse
        if not isinstance(told, (SpeechGruError, OSError)):
            raise
        _drop_output(error)
        return _complain(str(told), 2 if isinstance(told, UsageError) else 1)


def _code(arguments: list[str]) -> int:
    try:
        return _dispatch(arguments)
    except SystemExit as stop:  # argparse: --help, wrong usage
        return stop.code if isinstance(stop.code, int) else 0


def _dispatch(arguments: list[str], group: str = "") -> int:
    """Run the command that `arguments` begin with, among those of `group` (`lm`; by default the top)."""
    folder, program = (f"cli.{group}", f"speechgru {group}") if group else ("cli", "speechgru")
    if not arguments:
        arguments = ["--help"]
    name = arguments[0]
    if name.startswith("-"):
        _group_parser(folder, program).parse_args(arguments)
        return _complain(f"a command is needed before {name}; see {program} --help", 2)
    choices = {_spoken(file): file for file in plugins.names(folder)}
    if name not in choices:
        return _complain(plugins.unknown(f"{group} command".lstrip(), name, choices), 2)
    command = plugins.find(folder, choices[name])
    if hasattr(command, "__path__"):
        return _dispatch(arguments[1:], name)
    parser = _parser(f"{program} {name}", command.HELP, f"examples:\n{command.EXAMPLES}")
    command.add_arguments(parser)
    run: Callable[[argparse.Namespace], int] = command.run
    # Intermixed: an option may stand between two files or before a key=value. It knows no `--` in old Pythons.
    parse = parser.parse_args if "--" in arguments else parser.parse_intermixed_args
    return run(parse(arguments[1:]))


def positive(value: str) -> int:
    """For `type=` of an argument: a whole number of at least 1."""
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of at least 1")
    return int(value)


class _Parser(argparse.ArgumentParser):
    """One whose --help and --version tell that they couldn't be written: argparse passes over it."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def _drop_output(error: BaseException) -> None:
    """What a full disk didn't take of stdout: Python would try once more at exit, and complain once more."""
    if isinstance(error, OSError):
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed_streams() -> None:
    """A stream that the caller closed (`>&-`) leads to nowhere; as None it would break every use of it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, errors="replace"))  # noqa: SIM115 (never closed)


def _group_parser(folder: str, program: str) -> argparse.ArgumentParser:
    """Of the top or of a group of commands: it lists them."""
    names = plugins.names(folder)
    width = max(map(len, names), default=0)
    commands = [f"  {_spoken(name):<{width}}  {plugins.find(folder, name).HELP}" for name in names]
    epilog = "\n".join(["commands:", *commands, "", f"`{program} COMMAND --help` says more about each."])
    top = folder == "cli"
    description = (
        "Train and run speech recognition with gated recurrent units."
        if top
        else importlib.import_module(f"speechgru.{folder}").HELP
    )
    parser = _parser(program, description, epilog)
    parser.usage = f"{program} COMMAND ..."
    if top:
        parser.add_argument("--version", action="version", version=f"speechgru {__version__}")
    return parser


def _spoken(file: str) -> str:
    """What a command is called whose file is `file`: `trim-silence` lies in trim_silence.py."""
    return file.replace("_", "-")


def _parser(program: str, description: str, epilog: str) -> argparse.ArgumentParser:
    return _Parser(
        prog=program,
        description=description,
        epilog=epilog.strip("\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _complain(message: str, code: int) -> int:
    line = " ".join(part.strip() for part in message.splitlines())
    print(f"speechgru: error: {line}", file=sys.stderr)
    return code
