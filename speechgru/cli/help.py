"""speechgru help: what --help of a command prints."""

from __future__ import annotations

import argparse

HELP = "Say what a command does, as its --help"
EXAMPLES = """\
  speechgru help
  speechgru help transcribe
  speechgru help lm build
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="of which command (default: the list)")


def run(args: argparse.Namespace) -> int:
    from speechgru import cli

    return cli.main([*args.words, "--help"])
