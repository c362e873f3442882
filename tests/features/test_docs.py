"""docs/features: a page for each kind with all its settings, examples that run, pictures that can be drawn."""

from __future__ import annotations

import dataclasses
import re
import runpy
import shutil
import sys
from pathlib import Path

import parity
import pytest

from speechgru import features
from speechgru.utils.assets import ASSETS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "features"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs the checkout's docs")
MAX_BYTES = 60_000


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_index_has_every_kind_and_comparison() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for kind in features.kinds():
        assert f"[{kind}]({kind}.md) | {features.find(kind).title} |" in index
    for case in parity.cases():
        assert f"| {case.conventions} |" in index
    for preset in features.PRESETS:
        assert f"| {preset} |" in index


def test_each_page_is_of_a_kind() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} - {"README"} == set(features.kinds())


@pytest.mark.parametrize("kind", features.kinds())
def test_a_page_has_all_settings_and_a_small_picture(kind: str) -> None:
    page = (DOCS / f"{kind}.md").read_text(encoding="utf-8")
    entry = features.find(kind)
    assert (
        page.startswith(f"# {entry.title}: `{kind}`\n")
        and f"speechgru features talk.flac --kind {kind} " in page
    )
    for field in dataclasses.fields(entry.settings):
        if field.default is not dataclasses.MISSING:
            value = f'"{field.default}"' if isinstance(field.default, str) else field.default
            assert f"`{field.name}={value}`" in page
    assert 0 < (DOCS / "pictures" / f"{kind}.png").stat().st_size <= MAX_BYTES


@pytest.mark.parametrize("page", ["README.md", *(f"{kind}.md" for kind in features.kinds())])
def test_the_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ASSETS / "sample.flac", tmp_path / "talk.flac")
    monkeypatch.chdir(tmp_path)
    assert blocks(page)
    for block in blocks(page):
        exec(compile(f"import speechgru\n{block}", page, "exec"), {})


@pytest.mark.slow
def test_the_gallery_draws_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ROOT / "tools" / "docs" / "gallery_features.py"
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "pictures")])
    runpy.run_path(str(script), run_name="__main__")
    found = {path.stem: path.stat().st_size for path in (tmp_path / "pictures").glob("*.png")}
    assert found.keys() == set(features.kinds()) and max(found.values()) <= MAX_BYTES
