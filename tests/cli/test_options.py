"""What all commands share: one-line errors with the nearest option, exit codes, --quiet and --verbose, old names."""

from __future__ import annotations

import importlib
import json
import re
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from commands import Outcome, Run, runner

from speechgru import cli
from speechgru.config.files import recipes
from speechgru.errors import AudioError, ConfigError, UsageError
from speechgru.utils import console, plugins

pytestmark = pytest.mark.usefixtures("log_levels")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, run: Run) -> Callable[..., Outcome]:
    """A command `play` whose work is given."""

    def play(work: Callable[[Namespace], int], *arguments: str) -> Outcome:
        module = ModuleType("speechgru.cli.play")
        module.HELP, module.EXAMPLES, module.run = "play", "", work  # type: ignore[attr-defined]
        module.add_arguments = lambda parser: None  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "speechgru.cli.play", module)
        real = plugins.names
        monkeypatch.setattr(plugins, "names", lambda folder: sorted({*real(folder), "play"}))
        return run("play", *arguments)

    return play


def _raise(error: Exception) -> Any:
    raise error


def _all() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in cli.commands():
        is_group = hasattr(cli.find_command("cli", name), "__path__")
        found += [(name, inner) for inner in cli.commands(f"cli.{name}")] if is_group else [(name,)]
    return found


@pytest.mark.parametrize("command", _all(), ids=" ".join)
def test_every_command_has_them_and_names_the_nearest_option(run: Run, command: tuple[str, ...]) -> None:
    shown = run(*command, "--help")
    assert shown.code == 0 and shown.err == ""
    for option in ("-q, --quiet", "-v, --verbose"):
        assert option in shown.out
    assert run("help", *command).out == shown.out
    wrong = run(*command, "--quite")
    assert (wrong.code, wrong.out) == (2, "")
    hint = f"Did you mean '--quiet'? See speechgru {' '.join(command)} --help."
    assert wrong.err == f"speechgru: error: Unknown option: '--quite'. {hint}\n"
    assert run(*command, "--quiet", "--verbose").code == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("transcribe a.wav --fromat srt", "'--fromat'. Did you mean '--format'?"),
        ("transcribe a.wav --output_dir=x", "'--output_dir'. Did you mean '--output'?"),
        ('transcribe a.wav --hotword="Kyunghyun Cho"', "'--hotword'. Did you mean '--hotwords'?"),
        ("audio convert a.wav --ouput b.wav", "'--ouput'. Did you mean '--output'?"),
        ("transcribe a.wav --format jsn", "--format: Unknown choice: 'jsn'. Did you mean 'json'?"),
        ("transcribe a.wav -x", "Unknown option: '-x'."),
        ("align a.wav a.txt b.txt", "One argument too many: 'b.txt'."),
        ("transcribe", "Not given: FILE_OR_FOLDER."),
        ("trans", "Did you mean 'transcribe'?"),
        ("lm bild", "Did you mean 'build'?"),
        ("--verison", "Did you mean '--version'?"),
        ("vad a.wav --threshold 2", "--threshold: '2' is not a number above 0 and below 1."),
        ("vad a.wav --pause nan", "'nan' is not a number of at least 0"),
        (
            "audio mix-noise a.wav -o b.wav --snr 200",
            "'200' is not a number of at least -100 and of at most 100",
        ),
        ("compose -o a.mid --temperature 0", "--temperature: '0' is not a number above 0"),
        ("train", "speechgru train --list"),
        ("train englsh-small --show", "Did you mean 'english-small'?"),
        ("train digits trainer.epoch=3 --show", "epoch"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line_and_2(run: Run, line: str, message: str) -> None:
    import shlex

    found = run(*shlex.split(line))
    assert (found.code, found.out) == (2, "")
    assert message in found.err and found.err.count("\n") == 1
    assert found.err.startswith("speechgru: error: ")


@pytest.mark.parametrize(
    ("error", "code"), [(UsageError("x"), 2), (ConfigError("x"), 2), (AudioError("x"), 1), (OSError("x"), 1)]
)
def test_one_code_for_one_kind_of_mistake(play: Callable[..., Outcome], error: Exception, code: int) -> None:
    assert play(lambda args: _raise(error)).code == code


def test_the_codes_are_documented(run: Run) -> None:
    out = run("--help").out
    for code in (0, 1, 2, 130, 141):
        assert re.search(rf"^  {code}  ", out, re.M)
    document = Path(cli.__file__).parents[2] / "docs" / "command-line.md"
    if document.is_file():
        text = document.read_text()
        assert all(f"| {code} |" in text for code in (0, 1, 2, 130, 141))


def test_version_and_help_of_a_command(run: Run) -> None:
    assert run("-V").out == run("--version").out != ""
    assert run("help").out == run("--help").out
    assert run("help", "lm").out == run("lm", "--help").out
    found = run("help", "trnascribe")
    assert found.code == 2 and "Did you mean 'transcribe'?" in found.err


def test_quiet_leaves_warnings_and_errors(play: Callable[..., Outcome]) -> None:
    def work(args: Namespace) -> int:
        for kind in ("note", "warning", "error"):
            console.say(f"{kind}: of x")
        console.detail("all of it")
        with console.progress("work") as on_progress:
            assert on_progress is None
        return 0

    assert play(work).err.count("\n") == 3
    quiet = play(work, "--quiet")
    assert quiet.err == "speechgru: warning: of x\nspeechgru: error: of x\n"
    assert console.no_bar() is True
    loud = play(work, "--verbose")
    assert "speechgru: all of it\n" in loud.err
    assert re.search(r"^speechgru: speechgru play: \d+\.\d s, exit code 0$", loud.err, re.M)
    play(work)
    assert console.no_bar() is None


def test_verbose_shows_the_traceback_of_an_error(
    play: Callable[..., Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    play(lambda args: 0)
    assert cli.main(["play", "--verbose"]) == 0
    importlib.import_module("speechgru.cli.play").run = lambda args: _raise(AudioError("broken"))
    assert cli.main(["play", "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err
    assert cli.main(["play"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_no_control_character_of_a_name_reaches_the_terminal(run: Run) -> None:
    found = run("transcribe", "a\x1b[2J\u202eb.wav")
    assert found.code == 1
    assert "\x1b" not in found.err and "\u202e" not in found.err and "a\\x1b[2J\\u202eb.wav" in found.err


@pytest.mark.parametrize("command", ["doctor", "corpus list", "model list", "inspect"])
def test_json_has_one_name_and_the_old_one_works(run: Run, command: str) -> None:
    words = command.split()
    found = run(*words, "--format", "json")
    old = run(*words, "--json")
    assert old.code == found.code
    assert json.loads(old.out).__class__ is json.loads(found.out).__class__
    shown = run(*words, "--help").out
    assert "--format" in shown and "--json" not in shown


def test_other_old_names_work_and_are_not_shown(run: Run, folder: Path) -> None:
    soundfile.write("a.wav", np.sin(np.arange(16000) / 10) / 2, 16000)
    for old, new, command in (
        (["--colour", "white"], ["--color", "white"], ["audio", "mix-noise", "a.wav", "--snr", "10"]),
        ([], [], ["audio", "normalise", "a.wav"]),
    ):
        assert run(*command, *old, "-o", "old.wav").code == 0
        assert run(*command, *new, "-o", "new.wav").code == 0
        assert Path("old.wav").read_bytes() == Path("new.wav").read_bytes()
        Path("old.wav").unlink(), Path("new.wav").unlink()
    assert "normalise" not in run("audio", "--help").out
    assert run("features", "--list-kinds").out == run("features", "--list").out != ""
    for command, old_name in (
        (["audio", "mix-noise"], "--colour"),
        (["corpus", "check"], "--processes"),
        (["corpus", "check"], "--write"),
        (["music", "report"], "--png"),
        (["transcribe"], "--output-dir"),
        (["features"], "--list-kinds"),
    ):
        assert not re.search(rf"{old_name}\b", run(*command, "--help").out)


def test_train_lists_the_recipes(run: Run) -> None:
    found = run("train", "--list")
    assert found.code == 0
    rows = [re.split(r"  +", line) for line in found.out.splitlines()]
    assert [row[0] for row in rows] == recipes()
    assert all(len(row) == 3 and len(row[2]) > 20 for row in rows)
    assert run("train", "digits", "--list").code == 2


@pytest.mark.parametrize("option", ["--resume", "--skip-existing"])
def test_batches_of_sound_files_go_on(run: Run, folder: Path, option: str) -> None:
    Path("in").mkdir()
    for name in ("a", "b"):
        soundfile.write(f"in/{name}.wav", np.sin(np.arange(32000) / 10) / 2, 16000)
    for command in (("convert", "--format", "flac"), ("split-at-pauses", "--format", "flac")):
        out = Path(command[0])
        assert run("audio", *command, "in/a.wav", "-o", f"{out}/").code == 0
        before = {file: file.stat().st_mtime_ns for file in out.iterdir()}
        assert before
        assert run("audio", *command, "in", "-o", out).code == 2
        found = run("audio", *command, "in", "-o", out, option)
        assert found.code == 0 and "1 of 2 are there already" in found.err
        assert len(list(out.iterdir())) == 2 * len(before)
        assert {file: file.stat().st_mtime_ns for file in before} == before
    assert run("audio", "convert", "in", "-o", "out", "--resume", "--overwrite").code == 2
