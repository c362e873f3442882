"""A file that isn't there: which one was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgru.audio import read
from speechgru.errors import AudioError
from speechgru.utils.near import file_near, question

NAMES = ("talk.mp3", "interview.wav", "noise.wav", "k.opus", "a.wav", "a.txt", ".hidden.wav", "take 1.flac")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("k.opsu", "k.opus"),
        ("intervew.wav", "interview.wav"),
        ("talk.wav", "talk.mp3"),  # another extension
        ("talk", "talk.mp3"),  # or none
        ("Talk.mp3", "talk.mp3"),
        ("take  1.flac", "take 1.flac"),
        ("missing.wav", ""),
        ("a.flac", ""),  # two could be it
        ("hidden.wav", ""),
        ("", ""),
        ("nowhere/k.opus", ""),
        ("k.opus/x", ""),
    ],
)
def test_what_was_meant(folder: Path, given: str, meant: str) -> None:
    assert file_near(given) == meant
    assert file_near(folder / given if given else "") == (str(folder / meant) if meant else "")
    assert question(given) == (f" Did you mean {meant}?" if meant else "")


def test_a_misspelt_recording(folder: Path) -> None:
    with pytest.raises(AudioError, match=r"^k\.opsu: no such file\. Did you mean k\.opus\?$"):
        read("k.opsu")
