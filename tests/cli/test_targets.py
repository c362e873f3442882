"""Files that commands write: one rule for those that exist, and what can't be written is told before any work."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from commands import runner

from speechgru.cli import _targets as targets
from speechgru.errors import UsageError
from speechgru.utils import files, plugins

# Options that name what is written, and the commands that change what they are told to, or name it by other rules:
# a run's folder, which --resume goes on with, and a corpus's, which only grows.
_WRITES = {"output", "output_dir", "plot", "png", "sound", "arpa", "details", "list", "write"}
# Each with a target of its own in {0}; whatever it reads isn't there, or would fail: the target comes first.
COMMANDS = {
    "align": ["a.wav a.txt -o {0}.json", "a.wav a.txt --plot {0}.png"],
    "transcribe": ["a.wav --output-dir out", "a.wav --plot {0}.png"],
    "evaluate": ["bad.jsonl --details {0}.tsv"],
    "features": ["a.wav -o {0}.npz", "a.wav --plot {0}.png", "a.wav --augment robust --sound {0}.wav"],
    "compose": ["-o {0}.mid --model bad.safetensors"],
    "lm build": ["bad.txt -o {0}.slm", "bad.txt -o other.slm --arpa {0}.arpa"],
    "lm tune": ["bad.jsonl --lm english -o {0}.safetensors"],
    "model average": ["bad.safetensors a.wav -o {0}.safetensors"],
    "model calibrate": ["vad bad.jsonl -o {0}.safetensors"],
    "corpus prepare": ["folder nowhere -o prepared"],
    "corpus check": ["good.jsonl --write checked", "good.jsonl --list {0}.tsv"],
    "audio convert": ["a.wav -o {0}.flac"],
    "music convert": ["a.abc -o {0}.mid"],
    "music report": ["bad.mid --against bad.mid --png {0}.png"],
}
CASES = [(command, line) for command, lines in COMMANDS.items() for line in lines]
TUNE = "X:1\nT:tune\nM:4/4\nL:1/4\nK:C\nCDEF|\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Inputs, most of them no good, and a file at every target."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "a.txt", "bad.jsonl", "bad.txt", "bad.safetensors", "bad.mid"):
        Path(name).write_text("no good\n")
    Path("good.jsonl").write_text('{"audio_filepath": "a.wav", "duration": 1, "text": "a"}\n')
    Path("a.abc").write_text(TUNE)
    for name in ("out/a.txt", "prepared/all.jsonl", "checked/good.jsonl"):
        Path(name).parent.mkdir()
        Path(name).write_text("kept")
    for ending in ("json", "png", "tsv", "npz", "wav", "mid", "slm", "arpa", "safetensors", "flac"):
        Path(f"there.{ending}").write_text("kept")
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("command", "line"), CASES)
def test_a_file_that_exists_is_not_replaced_unasked(
    command: str, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(folder)
    outcome = runner(capsys, *command.split())(*shlex.split(line.format("there")))
    assert outcome.code == 2, outcome.err
    assert "already there. Pass --overwrite to replace what was written before" in outcome.err
    assert contents(folder) == before
    assert len(outcome.err.splitlines()) == 1, "no work has begun"


@pytest.mark.parametrize(("command", "line"), CASES)
def test_a_place_that_cannot_be_written_to_is_told_first(
    command: str, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(folder)
    for name in ("out", "prepared", "checked"):
        line = line.replace(f" {name}", f" /proc/{name}")
    outcome = runner(capsys, *command.split())(*shlex.split(line.format("/proc/new")))
    assert outcome.code == 2, outcome.err
    assert "Nothing can be written into /proc" in outcome.err
    assert contents(folder) == before
    assert len(outcome.err.splitlines()) == 1, "no work has begun"


def commands(group: str = "") -> Iterator[tuple[str, ModuleType]]:
    package = f"cli.{group}" if group else "cli"
    for name in plugins.names(package):
        module = importlib.import_module(f"speechgru.{package}.{name}")
        if hasattr(module, "__path__"):
            yield from commands(name)
        else:
            yield f"{group} {name}".strip().replace("_", "-"), module


def test_every_command_that_writes_has_the_option() -> None:
    writing = {}
    for name, module in commands():
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        dests = {action.dest for action in parser._actions if action.nargs != 0}
        if dests & _WRITES:
            writing[name] = any("--overwrite" in action.option_strings for action in parser._actions)
    assert COMMANDS.keys() <= writing.keys()
    assert all(writing.values()), writing
    assert len(writing) >= 18


def test_overwrite_replaces(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "The cat sat on the mat. The dog sat on the cat.\n"
    Path("text.txt").write_text(text)
    line = "text.txt -o there.slm --arpa there.arpa --overwrite --order 1 --discount-fallback"
    assert runner(capsys, "lm", "build")(*line.split()).code == 0
    assert Path("there.arpa").read_text().startswith("\\data\\")
    outcome = runner(capsys, "music", "convert")("a.abc", "-o", "there.mid", "--overwrite")
    assert outcome.code == 0 and Path("there.mid").read_bytes().startswith(b"MThd")


# --- the helper


def test_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    new = tmp_path / "new" / "x"
    for target, sources, message in (
        ("", [], r'-o "" names no file'),
        (tmp_path, [], "is a folder; the result is a file"),
        (tmp_path / "a", [], r"a is already there\. Pass --overwrite .* another -o\."),
        (tmp_path / "b", [tmp_path / "a"], "is a file that is read; it is never replaced"),
        (tmp_path / "pipe", [], "is a device or a pipe"),
        ("/dev/null", [], "is a device or a pipe"),
        ("/dev/stdout", [], "is a device or a pipe"),
        (tmp_path / "a" / "x", [], r"Nothing can be written into .*a: Not a directory"),
    ):
        for overwrite in (False, True):
            if overwrite and "already there" in message:
                continue
            with pytest.raises(UsageError, match=message):
                targets.check(("-o", target), overwrite=overwrite, sources=sources)
    with pytest.raises(UsageError, match=r"-o and --plot can't both be"):
        targets.check(("-o", new), ("--plot", new), overwrite=True)
    targets.check(("-o", new), ("--plot", None), overwrite=False, sources=["-", tmp_path / "a"])
    targets.check(("-o", tmp_path / "a"), overwrite=True)
    assert not new.parent.exists(), "nothing is made before there is something to write"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(UsageError, match=r"Nothing can be written into .*locked: Permission denied"):
        targets.check(("-o", tmp_path / "locked" / "x"), overwrite=False)


def test_devices_are_never_replaced() -> None:
    for device in ("/dev/null", "/dev/stdout"):
        with pytest.raises(OSError, match="Not a regular file") as caught, files.atomic_path(device):
            pass
        assert caught.value.filename == device
    assert not Path("/dev/null").is_file()
