"""The parser of every command: argparse, with one-line errors that name what is nearest, and the options of all.

Standard library only, so that `--help` starts at once.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from speechgru.utils import plugins
from speechgru.utils.console import complain

_LONG = re.compile(r"--[A-Za-z][\w-]*")
_SHORT = re.compile(r"-[A-Za-z]\S*")


class Parser(argparse.ArgumentParser):
    """An argparse parser whose errors are one line, with exit code 2."""

    def __init__(self, program: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=program,
            description=description,
            epilog=epilog.strip("\n"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse a command's arguments: an option may stand between two files or before a key=value.

        Misspelt options are told before anything that is missing: the one is often the cause of the other.
        """
        for token in _before_separator(arguments):
            if unknown := self._unknown(token):
                self.error(unknown)
        # Intermixed, which knows no `--` in old Pythons.
        intermixed = "--" not in arguments
        known = self.parse_known_intermixed_args if intermixed else self.parse_known_args
        namespace, rest = known(arguments)
        if rest:
            self.error(f"One argument too many: {rest[0]!r}.")
        return namespace

    def _print_message(self, message: str, file: Any = None) -> None:
        """--help and --version tell that they couldn't be written: argparse passes over it."""
        if file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line on stderr."""
        # argparse's own: "argument --rate: '0' is ...", "the following arguments are required: FILE"
        text = re.sub(r"^argument (\S+): ", r"\1: ", message)
        text = re.sub(r"^the following arguments are required: ", "Not given: ", text)
        self.exit(
            complain(f"{text.rstrip('.')}{'' if text.endswith('?') else '.'} See {self.prog} --help.", 2)
        )

    def options(self) -> list[str]:
        """The names of all options that the help shows."""
        shown = (action for action in self._actions if action.help != argparse.SUPPRESS)
        return [name for action in shown for name in action.option_strings]

    def _unknown(self, token: str) -> str:
        """What to say of an argument that looks like an option and is none; "" for all others."""
        name = token.partition("=")[0]
        if token in self._option_string_actions or name in self._option_string_actions:
            return ""
        if _LONG.fullmatch(name):
            near = self._near(name)
        elif _SHORT.fullmatch(token) and token[:2] not in self._option_string_actions:
            name = token if "-" + token in self._option_string_actions else token[:2]
            near = [option for option in self.options() if option in ("-" + token, name.lower())]
        else:
            return ""
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"Unknown option: {name!r}.{hint}"

    def _near(self, name: str) -> list[str]:
        """The long option that was meant, if any."""
        plain = name.lower().replace("_", "-")
        long = [option for option in self.options() if option.startswith("--")]
        beginning = [option for option in long if option.startswith(plain)]
        # Without the dashes, which all have, or any two short ones would be alike.
        bare = {option.lstrip("-"): option for option in long}
        return beginning[:1] or [
            bare[near] for near in difflib.get_close_matches(plain.lstrip("-"), bare, n=1)
        ]

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = action.choices
        if choices is not None and value not in choices:
            raise argparse.ArgumentError(action, plugins.unknown("choice", str(value), map(str, choices)))


def _before_separator(arguments: Sequence[str]) -> Iterator[str]:
    for token in arguments:
        if token == "--":
            return
        yield token


def add_messages(parser: argparse.ArgumentParser) -> None:
    """How much a command says on stderr: the same two options everywhere."""
    group = parser.add_argument_group("messages").add_mutually_exclusive_group()
    group.add_argument(
        "-q", "--quiet", action="store_true", help="warnings and errors only: no progress, no notes"
    )
    group.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="say more: what is loaded, how long it took, the traceback of an error",
    )


def command_parser(program: str, description: str, examples: str) -> Parser:
    """Of one command; its own arguments are still to be added, and `add_messages` after them."""
    return Parser(program, description, f"examples:\n{examples}")


def group_parser(
    program: str, description: str, commands: Iterable[tuple[str, str]], more: str = ""
) -> Parser:
    """Of the top or of a group of commands (name, line of help): it lists them."""
    rows = list(commands)
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"  {name:<{width}}  {text}" for name, text in rows]
    hint = f"`{program} COMMAND --help` says more about each."
    parser = Parser(
        program, description, "\n".join(["commands:", *lines, "", hint, *([more] if more else [])])
    )
    parser.usage = f"{program} COMMAND ..."
    return parser
