"""Where a recipe finds its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgru.config import load_recipe
from speechgru.config.recipe import CorpusConfig, SourceConfig
from speechgru.config.trainer import TrainerConfig
from speechgru.errors import ConfigError, CorpusError


def test_the_data_root_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHGRU_DATA", str(tmp_path))
    assert CorpusConfig().data_root() == tmp_path
    assert CorpusConfig(root="/").data_root() == Path("/")
    source = SourceConfig("folder", "some/where")
    assert CorpusConfig().source_path(source) == tmp_path / "some/where"
    assert CorpusConfig().source_path(SourceConfig("folder", "/else")) == Path("/else")
    assert source.label == "folder"


def test_a_missing_data_root_says_what_to_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEECHGRU_DATA", raising=False)
    with pytest.raises(ConfigError, match=r"corpus\.root=PATH"):
        CorpusConfig().data_root()
    with pytest.raises(CorpusError, match=r"no folder '/nowhere'. Pass corpus.root=PATH"):
        CorpusConfig(root="/nowhere").data_root()


def test_settings_that_would_do_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="task=classify takes no ctc; leave the settings of ctc out"):
        load_recipe("commands", ["ctc.smoothing=0.1"])
    with pytest.raises(ConfigError, match=r"trainer.start names no model"):
        TrainerConfig(symbols="texts")
