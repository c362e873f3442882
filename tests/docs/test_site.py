"""The settings of the site, and the pages that it makes of parsers, docstrings, recipes and cards."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

import pytest

import speechgru

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not (DOCS / "conf.py").is_file(), reason="needs the checkout's docs")
sys.path.insert(0, str(DOCS / "_site"))


def test_the_settings_load() -> None:
    path = list(sys.path)
    try:
        conf = runpy.run_path(str(DOCS / "conf.py"))
    finally:
        sys.path[:] = path
    assert conf["release"] == speechgru.__version__
    assert callable(conf["setup"]) and {"myst_parser", "sphinx.ext.napoleon"} <= set(conf["extensions"])


def test_every_command_has_its_options_on_a_page() -> None:
    import site_commands

    for name, inner in site_commands.groups().items():
        page = site_commands.page(name)
        for command in inner:
            parser = site_commands.parser(command)
            for action in parser._actions:
                if action.help != argparse.SUPPRESS and action.option_strings:
                    assert f"`{', '.join(action.option_strings)}" in page, command


def test_help_texts_are_escaped() -> None:
    import site_commands

    assert site_commands._plain("a*b_c <d> `e*f`") == r"a\*b\_c \<d\> `e*f`"
    assert "red below 50 %, yellow" in site_commands.page("transcribe")  # %% of argparse


def test_pages_are_written_and_old_ones_go(tmp_path: Path) -> None:
    import site_pages

    old = tmp_path / "reference" / "commands" / "gone.md"
    old.parent.mkdir(parents=True)
    old.write_text("# gone\n")
    site_pages.write(tmp_path)
    written = {file.relative_to(tmp_path).with_suffix("").as_posix() for file in tmp_path.rglob("*.md")}
    assert written == {name for name in site_pages.names() if name.startswith("reference/")}
    assert "reference/recipes/own" in written and "reference/models/vad" in written


def test_the_api_has_all_that_speechgru_offers() -> None:
    import site_pages

    page = site_pages.api("speechgru")
    for name in set(speechgru.__all__) - {"__version__", "features"}:
        assert f"\n   {name}\n" in page
    # A class is described once.
    assert ":exclude-members: AudioWarning" in site_pages.api("speechgru.audio")


def test_every_page_is_in_the_contents() -> None:
    import site_pages

    index = (DOCS / "index.md").read_text(encoding="utf-8").split("\n")
    globs = [line.removesuffix("*") for line in index if line.startswith("reference/") and line.endswith("*")]
    missing = [
        name
        for name in site_pages.places().values()
        if name not in index
        and name != "index"
        and not name.startswith(("features/", "reference/recipes/", *globs))
    ]
    assert missing == []


def test_a_release_has_its_version_everywhere() -> None:
    version = speechgru.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {version} (" in changes
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
