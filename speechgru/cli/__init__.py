"""The command `speechgru`: finds the command's file, parses, calls, and turns errors into exit codes.

A command is a file of this folder with HELP (one line), EXAMPLES, add_arguments(parser) and run(args), which
returns the exit code: see EXIT_CODES. SPEECHGRU_DEBUG=1 and --verbose show the traceback of an error.

A folder of this folder is a group of commands (`speechgru lm build`): its files are the commands, its `__init__`
says HELP. ALIASES there (and here) are other names that still work and that no help shows.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru import __version__
from speechgru.cli._options import positive as positive
from speechgru.errors import ConfigError, DependencyError, SpeechGruError, UsageError
from speechgru.utils import console, plugins

if TYPE_CHECKING:
    from speechgru.cli._parser import Parser

DEBUG_VARIABLE = "SPEECHGRU_DEBUG"
EXIT_CODES = """\
exit codes:
  0    done
  1    something failed, and is named on stderr: a file that is missing or damaged, a fault that was looked for
       (doctor, corpus check, reproduce). The rest of a batch is done.
  2    the command line is wrong: an unknown command, option, name or setting, a value that can't be, options that
       don't go together, a target that can't be written. Nothing was done.
  130  Ctrl-C. What is finished is kept.
  141  the reader of a pipe left"""
ALIASES: dict[str, str] = {}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (by default the process's own) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_closed_streams()
    console.set_verbosity(console.Verbosity.NORMAL)
    from speechgru.cli._interrupt import Watch

    watch = Watch()
    try:
        if argv is None:
            watch.start()
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
        if watch.requested:  # an import that Ctrl-C ended is told as an error of the module
            return 130
        return _failed(error)


def _failed(error: Exception) -> int:
    """The exit code for an error, which is told on stderr in one line; a bug is raised again."""
    if os.environ.get(DEBUG_VARIABLE) or console.is_verbose():
        traceback.print_exc()
    from speechgru.utils import dependencies

    try:
        told = dependencies.explain(error) or error
    except DependencyError as worse:  # what compares versions fails too
        told = worse
    if not isinstance(told, (SpeechGruError, OSError)):
        raise error
    _drop_output(error)
    # ConfigError: a name or a setting that doesn't exist. It was typed, or stands in a recipe.
    return console.complain(str(told), 2 if isinstance(told, (UsageError, ConfigError)) else 1)


def _code(arguments: list[str]) -> int:
    try:
        return _dispatch(arguments)
    except SystemExit as stop:  # argparse: --help, wrong usage
        return stop.code if isinstance(stop.code, int) else 0


def _dispatch(arguments: list[str], group: str = "") -> int:
    """Run the command that `arguments` begin with, among those of `group` (`lm`; by default the top)."""
    folder, program = (f"cli.{group}", f"speechgru {group}") if group else ("cli", "speechgru")
    name = arguments[0] if arguments else "--help"
    if name.startswith("-"):
        parser = group_parser(group)
        parser.parse(arguments or ["--help"])
        parser.error(f"A command is needed: {program} COMMAND.")
    command = find_command(folder, name)
    if hasattr(command, "__path__"):
        return _dispatch(arguments[1:], name)
    name = command.__name__.rpartition(".")[2].replace("_", "-")  # also where an alias was typed
    args = command_parser(command, f"{program} {name}").parse(arguments[1:])
    return _run(command, args, f"{program} {name}")


def _run(command: Any, args: argparse.Namespace, program: str) -> int:
    if args.quiet:
        console.set_verbosity(console.Verbosity.QUIET)
    elif args.verbose:
        console.set_verbosity(console.Verbosity.VERBOSE)
    begin = time.perf_counter()
    run: Callable[[argparse.Namespace], int] = command.run
    code = run(args)
    console.detail(f"{program}: {time.perf_counter() - begin:.1f} s, exit code {code}")
    return code


def find_command(folder: str, name: str) -> Any:
    """The module of the command `name` of `folder` ("cli", "cli.lm"), or the package of a group.

    Raises:
        UsageError: there is none.
    """
    choices = commands(folder)
    aliases = getattr(importlib.import_module(f"speechgru.{folder}"), "ALIASES", {})
    name = aliases.get(name, name)
    if name not in choices:
        what = f"{folder.partition('.')[2]} command".lstrip()
        where = _elsewhere(folder, name)
        raise UsageError(
            plugins.unknown(what, name, choices) + (f" See {' and '.join(where)}." if where else "")
        )
    return plugins.find(folder, choices[name])


def _elsewhere(folder: str, name: str) -> list[str]:
    """The commands of that name in other folders; those that do what such a one would."""
    known = getattr(importlib.import_module(f"speechgru.{folder}"), "ELSEWHERE", {})
    if name in known:
        return [known[name]]
    groups = [each for each, file in commands().items() if (Path(__file__).parent / file).is_dir()]
    below = [f"speechgru {group} {name}" for group in groups if name in commands(f"cli.{group}")]
    return [f"speechgru {name}"] if name in commands() else below if folder == "cli" else []


def commands(folder: str = "cli") -> dict[str, str]:
    """Names of the commands of a folder, as they are typed, and their files: `trim-silence` lies in trim_silence.py."""
    return {file.replace("_", "-"): file for file in plugins.names(folder)}


def command_parser(command: Any, program: str) -> Parser:
    """The parser of one command's module."""
    from speechgru.cli import _parser

    parser = _parser.command_parser(program, command.HELP, command.EXAMPLES)
    command.add_arguments(parser)
    _parser.add_messages(parser)
    return parser


def group_parser(group: str = "") -> Parser:
    """The parser of the top or of a group of commands: it lists them."""
    from speechgru.cli import _parser

    folder, program = (f"cli.{group}", f"speechgru {group}") if group else ("cli", "speechgru")
    rows = [(name, plugins.find(folder, file).HELP) for name, file in commands(folder).items()]
    if group:
        description = importlib.import_module(f"speechgru.{folder}").HELP
        return _parser.group_parser(program, description, rows)
    description = "Train and run speech recognition with gated recurrent units."
    parser = _parser.group_parser(program, description, rows, EXIT_CODES)
    parser.add_argument("-V", "--version", action="version", version=f"speechgru {__version__}")
    return parser


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
