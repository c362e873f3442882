"""docs/transcripts.md: its Python runs, and its tables have every format."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from speechgru.cli import _rendering as rendering
from speechgru.cli.transcribe import FORMATS
from speechgru.utils import plugins
from speechgru.utils.assets import ASSETS

PAGE = Path(__file__).parents[1] / "docs" / "transcripts.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="needs the checkout's docs")


def test_the_table_has_every_format() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert set(FORMATS) == set(plugins.names("writers"))
    for name in FORMATS:
        assert f"| {name} | .{plugins.find('writers', name).EXTENSION} |" in text
    assert {name for name in FORMATS if hasattr(plugins.find("writers", name), "LAYOUT")} == set(
        rendering.CUES
    )


@pytest.mark.slow
def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # libsndfile goes by the content, not by the name.
    shutil.copy(ASSETS / "sample.flac", tmp_path / "talk.mp3")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block.replace("What is said in it.", "It was the first time that he had been to the city."), {})
    assert {path.name for path in tmp_path.iterdir()} == {"talk.mp3", "talk.srt", "talk.TextGrid"}
