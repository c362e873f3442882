"""What tests of commands share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a space in its name."""
    work = tmp_path / "my recordings"
    work.mkdir()
    monkeypatch.chdir(work)
    return work
