"""Tables: in Markdown, for reports and cards, and as aligned columns, for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table of as many columns as `head` has; a cell is one line, and may hold `|`."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """A line a row, its cells below one another; those of the columns `right` are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.rjust if i in right else str.ljust for i in range(len(widths))]
    return ["  ".join(s(c, w) for s, c, w in zip(sides, row, widths)).rstrip() for row in rows]


def columns(cells: Mapping[str, str]) -> str:
    """A line a name with its value, the values below one another."""
    return "\n".join(aligned(list(cells.items())))


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
