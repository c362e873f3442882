"""speechgru model remove: delete fetched models."""

from __future__ import annotations

import argparse

HELP = "Delete fetched models"
EXAMPLES = """\
  speechgru model remove german
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="as `speechgru model list` shows them")


def run(args: argparse.Namespace) -> int:
    from speechgru.models import hub

    for name in args.names:
        hub.remove(name)
        print(f"{name}: removed")
    return 0
