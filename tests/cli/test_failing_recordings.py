"""A disk that fails in the midst of a recording: an error with its name, exit code 1, and the others are done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import bad_disk
import pytest
import soundfile
from beeps import RATE, beep, recognizer
from commands import Run, runner

EIO = "Input/output error"
NAMES = ("a.wav", "bad.flac", "c.wav")


@pytest.fixture
def bad() -> Iterator[dict[str, int]]:
    with bad_disk.bad_paths() as paths:
        yield paths


@pytest.fixture
def recordings(folder: Path, bad: dict[str, int]) -> list[str]:
    """Three, of which the second fails in its second half."""
    for name in NAMES:
        soundfile.write(name, beep("one two three |four five six"), RATE)
    bad["bad.flac"] = Path("bad.flac").stat().st_size // 2
    return list(NAMES)


def test_transcribe(
    recordings: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "speechgru.inference.load.load_recognizer", lambda *_, batch_size, **__: recognizer(batch_size)
    )
    run = runner(capsys, "transcribe")
    found = run(*recordings, "--format", "json")
    assert found.code == 1
    assert [json.loads(line)["audio_filepath"] for line in found.out.splitlines()] == ["a.wav", "c.wav"]
    assert found.err.startswith("speechgru: error: bad.flac can't be read at byte ") and EIO in found.err
    assert found.err.count("\n") == 1
    found = run(*recordings, "--output-dir", "out")
    assert found.code == 1 and sorted(path.name for path in Path("out").iterdir()) == [
        "a.txt",
        "c.txt",
    ]
    found = run("bad.flac", "--format", "json")
    assert (found.code, found.out) == (1, "")


@pytest.mark.parametrize(
    "command",
    [
        ["audio", "convert", "-o", "out/", "--format", "wav"],
        ["audio", "info"],
        ["features", "-o", "out/", "--jobs", "1"],
        ["features", "-o", "out.npz", "--jobs", "1"],
    ],
    ids=" ".join,
)
def test_other_commands(
    recordings: list[str], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run: Run = runner(capsys, *command[:1])
    found = (
        run(*command[1:2], *recordings, *command[2:])
        if command[0] == "audio"
        else run(*recordings, *command[1:])
    )
    assert "bad.flac" in found.err or command[1] == "info"
    if command[1] != "info":  # which looks at headers alone
        assert found.code == 1 and EIO in found.err, found
        made = sorted(path.name for path in Path("out").iterdir()) if Path("out").is_dir() else []
        assert not any(name.startswith(("bad", ".")) for name in made)
        assert len(made) >= 2 or Path("out.npz").exists()
