"""A page for each command, or group of commands, made of the parsers that read the command line."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any

from speechgru import cli

_WIDTH = "100"  # of usage lines


def groups() -> dict[str, list[str]]:
    """The commands of each page, as they are typed: `transcribe` has itself, `lm` has `lm build` and others."""
    pages = {}
    for name in cli.commands():
        inner = hasattr(cli.find_command("cli", name), "__path__")
        pages[name] = [f"{name} {command}" for command in cli.commands(f"cli.{name}")] if inner else [name]
    return pages


def page(name: str) -> str:
    """Markdown of the command or group `name`."""
    commands = groups()[name]
    if commands == [name]:
        return f"# speechgru {name}\n\n" + _command(name, "##")
    head = f"# speechgru {name}\n\n{_plain(cli.group_parser(name).description or '')}.\n"
    parts = (f"\n## speechgru {command}\n\n" + _command(command, "###") for command in commands)
    return head + "".join(parts)


def parser(command: str) -> Any:
    """The parser of a command (`transcribe`, `lm build`)."""
    group, _, name = command.rpartition(" ")
    module = cli.find_command(f"cli.{group}" if group else "cli", name)
    return cli.command_parser(module, f"speechgru {command}")


def _command(command: str, heading: str) -> str:
    parsed = parser(command)
    examples, _, notes = parsed.epilog.partition("\n\n")
    examples = examples.removeprefix("examples:").strip("\n")
    lines = [f"{_plain(parsed.description)}.", "", "```text", _usage(parsed), "```", ""]
    lines += ["```bash", "\n".join(line.removeprefix("  ") for line in examples.split("\n")), "```", ""]
    lines += _notes(notes)
    for group in parsed._action_groups:
        actions = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        if actions:
            title = (group.title or "").capitalize().replace("Positional arguments", "Arguments")
            lines += [f"{heading} {title}", ""] if len(parsed.prog.split()) == 2 else [f"**{title}**", ""]
            lines += [f"{_plain(group.description)}", ""] if group.description else []
            lines += [f"| {title} | |", "|---|---|", *map(_row, actions), ""]
    return "\n".join(lines)


def _usage(parsed: argparse.ArgumentParser) -> str:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _WIDTH
    try:
        return parsed.format_usage().strip()
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _notes(text: str) -> list[str]:
    """Paragraphs; one with indented lines (a table of words) stays as it is."""
    lines: list[str] = []
    for paragraph in filter(None, text.strip("\n").split("\n\n")):
        if re.search(r"^ ", paragraph, re.MULTILINE):
            lines += ["```text", paragraph, "```", ""]
        else:
            lines += [_plain(paragraph), ""]
    return lines


def _row(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
    value = ""
    if action.option_strings and action.nargs != 0:
        value = " " + str(action.metavar or _choices(action) or action.dest.upper())
    expanded = (action.help or "") % {**vars(action), "prog": "speechgru"}
    written = f"{names}{value}".replace("|", "\\|")
    return f"| `{written}` | {_plain(expanded)} |".replace("\n", " ")


def _choices(action: argparse.Action) -> str:
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""


def _plain(text: str) -> str:
    """Text for people as Markdown: what Markdown would read as its own is escaped, but for `code`."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_<>\[\]|$\\])", r"\\\1", part) for part in parts
    )
