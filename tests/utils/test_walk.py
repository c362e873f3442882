"""Folders and links to them: each real folder once, whatever leads to it, and no way out through a loop."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
import replicas

import speechgru
from speechgru.augment import pipeline
from speechgru.cli import _inputs as inputs
from speechgru.data.corpora import cmu_arctic, folder, librispeech, speech_commands
from speechgru.music.files import piece
from speechgru.utils import walk


def below(root: Path, **options: bool) -> list[str]:
    return [path.relative_to(root).as_posix() for path in walk.files(root, **options)]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.fixture
def looped(tmp_path: Path) -> Path:
    """Two files and a loop, a link beside its folder, one that leads elsewhere, and one that leads up."""
    root = tmp_path / "up" / "data"
    touch(root, "b/one.wav", "b/c/two.wav", "../beside.wav")
    touch(tmp_path, "elsewhere/three.wav", "elsewhere/deep/four.wav")
    (root / "b" / "c" / "again").symlink_to(root)
    (root / "b" / "loop").symlink_to("..")
    (root / "a").symlink_to("b")  # before it by name
    (root / "far").symlink_to(tmp_path / "elsewhere")
    (root / "far2").symlink_to(tmp_path / "elsewhere" / "deep")
    (root / "up").symlink_to(tmp_path / "up")
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    (root / "self").symlink_to("self")
    return root


def test_each_real_folder_once_by_its_own_path(looped: Path) -> None:
    expected = ["b/c/two.wav", "b/one.wav", "far/deep/four.wav", "far/three.wav"]
    assert below(looped) == expected
    places = [os.path.realpath(found.path) for found in walk.walk(looped)]
    assert len(places) == len(set(places)) == 5
    assert below(looped, recursive=False) == []
    (looped / "here").symlink_to(".")
    assert [path.name for path in walk.folders(looped)] == ["b", "far", "far2"]


def test_a_link_as_the_root(looped: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(looped)
    assert below(tmp_path / "link") == below(looped)


def test_hidden_ones_are_passed_over_and_only_files_are_files(tmp_path: Path) -> None:
    touch(tmp_path, "a", ".b", ".c/d", "e/.f")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "dangling.wav").symlink_to("nowhere")
    assert below(tmp_path) == ["a"]
    assert below(tmp_path, hidden=True) == [".b", ".c/d", "a", "e/.f"]
    assert [path.name for path in next(walk.walk(tmp_path)).files] == ["a", "dangling.wav"]
    assert walk.files(tmp_path / "a") == [tmp_path / "a"]
    assert walk.files(tmp_path / "nowhere") == []


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/x", "b/y")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(walk.os, "scandir", refusing)
    with pytest.raises(PermissionError):
        walk.files(tmp_path)
    told: list[OSError] = []
    assert walk.files(tmp_path, on_error=told.append) == [tmp_path / "b" / "y"]
    assert [error.filename for error in told] == [str(tmp_path / "a")]


def test_what_a_pattern_gives_twice_is_taken_once(looped: Path) -> None:
    assert walk.once(looped.glob("*/*.wav")) == [
        looped / "b" / "one.wav",
        looped / "far" / "three.wav",
        looped / "far2" / "four.wav",
        looped / "up" / "beside.wav",
    ]


# --- what uses it


def recordings(root: Path) -> None:
    """Two recordings with texts, and a loop of links through both of their folders."""
    replicas.lay_out("folder", root / "anna")
    replicas.lay_out("folder", root / "ben")
    (root / "anna" / "loop").symlink_to(root)
    (root / "all").symlink_to(".")


def test_a_loop_makes_no_recordings(tmp_path: Path) -> None:
    recordings(tmp_path / "data")
    ids = [utterance.id for utterance in folder.prepare(tmp_path / "data")["all"]]
    assert len(ids) == 2 * 2 * len(replicas.SENTENCES)
    assert {name.partition("/")[0] for name in ids} == {"anna", "ben"}


def test_recordings_of_linked_folders_are_transcribed_once(tmp_path: Path) -> None:
    recordings(tmp_path / "there")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "linked").symlink_to(tmp_path / "there")
    (tmp_path / "here" / "linked2").symlink_to(tmp_path / "there")
    found = inputs.find([str(tmp_path / "here")], recursive=True)
    assert len(found.inputs) == 2 * 2 * len(replicas.SENTENCES) and not found.problems
    assert {entry.relative.parts[:1] for entry in found.inputs} == {("linked",)}


def test_corpora_take_a_linked_subset_voice_or_word_once(tmp_path: Path) -> None:
    replicas.lay_out("librispeech", tmp_path / "libri")
    before = {split: len(us) for split, us in librispeech.prepare(tmp_path / "libri").items()}
    speaker = next(path for path in (tmp_path / "libri" / "dev-clean").iterdir())
    speaker.with_name("a-copy").symlink_to(speaker)
    assert {split: len(us) for split, us in librispeech.prepare(tmp_path / "libri").items()} == before

    replicas.lay_out("cmu_arctic", tmp_path / "arctic")
    voices = {u.speaker for us in cmu_arctic.prepare(tmp_path / "arctic").values() for u in us}
    (tmp_path / "arctic" / "cmu_us_aaa_arctic").symlink_to("cmu_us_aew_arctic")
    assert {u.speaker for us in cmu_arctic.prepare(tmp_path / "arctic").values() for u in us} == voices

    replicas.lay_out("speech_commands", tmp_path / "words")
    (tmp_path / "words" / "another").symlink_to("bed")
    found = speech_commands.prepare(tmp_path / "words")
    assert {u.text for us in found.values() for u in us} == {"bed", "cat", "happy"}


def test_noise_and_music_of_linked_folders(tmp_path: Path) -> None:
    touch(tmp_path, "noise/rain/1.wav", "music/a.mid")
    (tmp_path / "noise" / "also").symlink_to("rain")
    (tmp_path / "noise" / "rain" / "loop").symlink_to("..")
    (tmp_path / "music" / "more").symlink_to(tmp_path / "noise")
    touch(tmp_path, "noise/b.mid")
    expected = [tmp_path / "noise" / "rain" / "1.wav"]
    assert pipeline.find("noise", str(tmp_path / "noise")) == expected
    assert pipeline.find("noise", str(tmp_path / "noise" / "*" / "*.wav")) == expected
    names = [path.name for path in piece.files_below(tmp_path / "music", (".mid",))]
    assert names == ["a.mid", "b.mid"]


def test_nothing_else_walks_through_folders() -> None:
    home = Path(speechgru.__file__).parent
    walking: dict[str, set[str]] = {}
    for path in home.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in {"rglob", "scandir", "fwalk"}:
                walking.setdefault(path.relative_to(home).as_posix(), set()).add(node.attr)
            elif isinstance(node, ast.Attribute) and ast.unparse(node) == "os.walk":
                walking.setdefault(path.relative_to(home).as_posix(), set()).add("os.walk")
    assert walking == {"utils/walk.py": {"scandir"}}
