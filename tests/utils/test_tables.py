"""Tables, in Markdown and as aligned columns."""

from __future__ import annotations

from speechgru.utils.tables import aligned, columns, table


def test_a_cell_is_one_line_and_never_ends_early() -> None:
    assert table(["a", "b"], [["x | y", 2], ["one\ntwo", ""]]) == (
        "| a | b |\n| --- | --- |\n| x \\| y | 2 |\n| one two |  |"
    )


def test_cells_stand_below_one_another() -> None:
    assert aligned([("a", "bcd", ""), ("ef", "g", "h")]) == ["a   bcd", "ef  g    h"]
    assert aligned([("name", "hours", ""), ("a", "1.5", "x")], right=(1,)) == [
        "name  hours",
        "a       1.5  x",
    ]
    assert columns({"a": "1", "long": "2"}) == "a     1\nlong  2"
