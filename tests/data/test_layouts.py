"""What `corpus download NAME ROOT` unpacks is what `train RECIPE corpus.root=ROOT` reads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import replicas

from speechgru.config import load_recipe
from speechgru.config.files import recipes
from speechgru.config.recipe import CorpusConfig, SourceConfig
from speechgru.data import Utterance, preparation, splits
from speechgru.errors import CorpusError
from speechgru.utils import plugins

SPEECH = set(plugins.names("data.corpora"))


def fetched(name: str) -> dict[str, Any]:
    """The modules of the corpora of a recipe that can be downloaded, by their source's label."""
    modules = {
        source.label: plugins.find("data.corpora", source.name)
        for source in load_recipe(name).corpus.sources
        if source.name in SPEECH
    }
    return {label: module for label, module in modules.items() if hasattr(module, "ARCHIVES")}


RECIPES = [name for name in recipes() if fetched(name)]


def unpacked(module: Any, root: Path) -> None:
    """A small copy of the corpus below `root`, in the folders that its archives have."""
    if not (root / module.FOLDER).is_dir():
        replicas.lay_out(module.__name__.rpartition(".")[2], root / module.FOLDER)
    assert any((root / archive.folder).is_dir() for archive in module.ARCHIVES.values())


def test_the_recipes_are_tried() -> None:
    assert {"digits", "spoken_digits", "commands", "yesno", "an4", "librispeech", "vad"} <= set(RECIPES)
    every = {name for name in SPEECH if hasattr(plugins.find("data.corpora", name), "ARCHIVES")}
    tried = {module.__name__.rpartition(".")[2] for name in RECIPES for module in fetched(name).values()}
    assert every - tried == {"musan", "rirs_noises"}, "noise, which no recipe learns from by itself"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_what_is_downloaded(name: str, tmp_path: Path) -> None:
    modules = fetched(name)
    for module in modules.values():
        unpacked(module, tmp_path)
    recipe = load_recipe(name, [f"corpus.root={tmp_path}"])
    for source in recipe.corpus.sources:
        if source.label in modules:
            assert recipe.corpus.source_path(source) == tmp_path / modules[source.label].FOLDER
            assert splits.load(modules[source.label], recipe.corpus.source_path(source))
    if len(modules) == len(recipe.corpus.sources) and not recipe.corpus.splits:
        data = preparation.prepare(recipe, None, texts_are_classes=True)
        assert data.train and all(data.dev.values()) and all(data.test.values())


def test_common_voice_as_it_is_unpacked_by_hand(tmp_path: Path) -> None:
    replicas.lay_out("commonvoice", tmp_path / "cv-corpus-21.0" / "en")
    recipe = load_recipe("commonvoice", [f"corpus.root={tmp_path / 'cv-corpus-21.0'}"])
    assert preparation.prepare(recipe, None).train


@pytest.mark.parametrize(
    "place", ["free-spoken-digit-dataset", "speech/free-spoken-digit-dataset/recordings"]
)
def test_digits_in_a_checkout_and_below_speech(place: str, tmp_path: Path) -> None:
    replicas.lay_out("free_spoken_digits", tmp_path / place)
    recipe = load_recipe("digits", [f"corpus.root={tmp_path}"])
    assert preparation.prepare(recipe, None).train


def test_a_place_of_ones_own_has_no_alternatives(tmp_path: Path) -> None:
    unpacked(plugins.find("data.corpora", "free_spoken_digits"), tmp_path)
    for path in ("mine", str(tmp_path / "mine")):
        override = f"corpus.sources=[{{name: free_spoken_digits, path: {path}}}]"
        with pytest.raises(CorpusError, match="mine is missing"):
            preparation.prepare(load_recipe("digits", [f"corpus.root={tmp_path}", override]), None)


def test_alternatives_in_their_order(tmp_path: Path) -> None:
    corpus = CorpusConfig(root=str(tmp_path))
    source = SourceConfig("folder", "a", alternatives=["b", "c"])
    assert corpus.source_path(source) == tmp_path / "a", "that is what is missing"
    for name in ("c", "b", "a"):
        (tmp_path / name).mkdir()
        assert corpus.source_path(source) == tmp_path / name


def test_a_part_that_is_missing_is_told_with_its_command(tmp_path: Path) -> None:
    replicas.lay_out("librispeech", tmp_path / "LibriSpeech")
    shutil.rmtree(tmp_path / "LibriSpeech" / "train-clean-100")
    recipe = load_recipe("librispeech", [f"corpus.root={tmp_path}"])
    command = f"speechgru corpus download librispeech {tmp_path} --part train-clean-100"
    expected = rf"'train-clean-100'.* To fetch it: {command}$"
    with pytest.raises(CorpusError, match=expected):
        preparation.prepare(recipe, None)


def test_what_would_fetch_nothing_is_not_advised(tmp_path: Path) -> None:
    (tmp_path / "waves_yesno").mkdir()
    recipe = load_recipe("yesno", [f"corpus.root={tmp_path}"])
    with pytest.raises(CorpusError, match="found nothing") as caught:
        preparation.prepare(recipe, None)
    assert "download" not in str(caught.value)


def test_nothing_is_downloaded_into_an_alternative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(splits.corpus_download, "fetch", lambda corpus, root, parts=(): asked.append(root))
    overrides = [f"corpus.root={tmp_path}", "corpus.download=true"]
    with pytest.raises(CorpusError):
        preparation.prepare(load_recipe("digits", overrides), None)
    assert asked == [tmp_path]
    replicas.lay_out("free_spoken_digits", tmp_path / "speech/free-spoken-digit-dataset/recordings")
    assert preparation.prepare(load_recipe("digits", overrides), None).train
    assert asked == [tmp_path]


# --- what is held out


def said(count: int, words: str) -> list[Utterance]:
    return [Utterance(Path(f"{i}.wav"), 1.0, words, "me", str(i)) for i in range(count)]


def test_a_held_out_part_that_tells_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    preparation._tell_small(said(3, "see me there now"), 12, texts_are_classes=False)
    (message,) = caplog.messages
    assert "held-out: 3 recordings with 12 words are too few to tell anything" in message
    assert "± 26 points" in message and "about 125 recordings in all" in message
    caplog.clear()
    preparation._tell_small(said(25, "see me there now"), 75, texts_are_classes=False)
    assert not caplog.messages


def test_own_tells_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    replicas.lay_out("folder", tmp_path)
    preparation.prepare(load_recipe("own", [f"corpus.root={tmp_path}"]), None)
    assert [m for m in caplog.messages if "too few to tell anything" in m]


@pytest.mark.parametrize("name", sorted(SPEECH - {"jsonl", "tsv", "musan", "rirs_noises"}))
def test_the_splits_that_a_corpus_promises_are_those_it_has(name: str, tmp_path: Path) -> None:
    module = plugins.find("data.corpora", name)
    replicas.lay_out(name, tmp_path / "corpus")
    found = set(module.prepare(tmp_path / "corpus"))
    assert found == set(getattr(module, "SPLITS", found)), (
        "corpus prepare checks their files before it begins"
    )
    assert hasattr(module, "SPLITS") or name == "librispeech"
