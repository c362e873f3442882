"""docs/architecture.md: the files of its reading lists exist, and the lists don't grow by more than a tenth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import speechgru

PACKAGE = Path(speechgru.__file__).parent
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "architecture.md"
LISTS = re.findall(
    r"<!-- reading list: (\w+) -->\n(\d+) files, ([\d,]+) lines\.\n(.*?)<!-- end -->",
    DOCUMENT.read_text(encoding="utf-8"),
    re.DOTALL,
)


def test_each_way_through_the_code_has_a_list() -> None:
    assert [row[0] for row in LISTS] == ["transcribe", "hybrid", "train", "features", "compose"]


@pytest.mark.parametrize(("name", "count", "lines", "table"), LISTS)
def test_a_reading_list_is_of_files_that_exist_and_as_short_as_it_says(
    name: str, count: str, lines: str, table: str
) -> None:
    files = re.findall(r"\]\(\.\./speechgru/([\w/]+\.py)\)", table)
    assert len(files) == int(count), name
    total = sum((PACKAGE / file).read_text(encoding="utf-8").count("\n") for file in files)
    assert total <= 1.1 * int(lines.replace(",", "")), f"{name}: python tools/docs/reading_lists.py"


def test_the_map_names_every_package() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("```")[2].partition("```")[0]
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert {name for name in packages if f"  {name}/" not in text} == set()
