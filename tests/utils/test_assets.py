"""Models by name and by path: where there is none, the nearest one is asked after."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgru.errors import CheckpointError, LanguageModelError
from speechgru.utils import assets, plugins


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "ASSETS", tmp_path / "assets")
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(tmp_path / "fetched"))
    for name in ("assets/english-small.safetensors", "assets/english.slm", "fetched/german.safetensors"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "near"),
    [("english-smal", "english-small"), ("English-Small", "english-small"), ("germann", "german")],
)
def test_a_misspelt_name(models: Path, given: str, near: str) -> None:
    with pytest.raises(CheckpointError, match=rf"{given} is not there\. Did you mean {near}\? Expected"):
        assets.find_model(given)


def test_a_misspelt_path(models: Path) -> None:
    given = models / "fetched" / "german.safetensor"
    with pytest.raises(CheckpointError, match=rf"Did you mean {given}s\?"):
        assets.find_model(given)


@pytest.mark.parametrize("given", ["zzz", "/nowhere/at/all"])
def test_nothing_near(models: Path, given: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        assets.find_model(given)
    assert "Did you mean" not in str(caught.value)


def test_a_misspelt_language_model(models: Path) -> None:
    with pytest.raises(LanguageModelError, match=r"Did you mean english\?"):
        assets.find_lm("englsh")


def test_the_nearest_in_whatever_case() -> None:
    assert plugins.nearest("DIGTS", ["digits", "vad"]) == "digits"
    assert plugins.nearest("x", ["digits", "vad"]) == ""
