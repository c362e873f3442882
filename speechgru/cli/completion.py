"""speechgru completion: the Tab key in bash, zsh and fish."""

from __future__ import annotations

import argparse

HELP = "Print what makes the Tab key complete commands, options and names in a shell"
EXAMPLES = """\
  eval "$(speechgru completion bash)"            # a line for ~/.bashrc
  eval "$(speechgru completion zsh)"             # for ~/.zshrc, below compinit
  speechgru completion fish | source             # for ~/.config/fish/config.fish

Commands, options, choices, and the names of models, language models, recipes and corpora are completed; where none
of these is expected, file names are.
"""
SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=(*SHELLS, "words"), metavar="SHELL", help="bash, zsh or fish")
    # What the scripts call: the words of a command line, the last of which is to be completed.
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    from speechgru.cli import _completion as completion

    if args.shell == "words":
        for word, text in completion.candidates([word.removeprefix("=") for word in args.words[1:]]):
            print(f"{word}\t{text}")
    else:
        print(completion.SCRIPTS[args.shell], end="")
    return 0
