"""The Tab key: what may stand at the end of a command line, and that the shells ask for it and show it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Run, runner

from speechgru import cli
from speechgru.cli import completion
from speechgru.config.files import recipes
from speechgru.utils import assets, plugins


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys, "completion")


def complete(run: Run, line: str) -> list[str]:
    """The candidates for the last word of `line`, which may be empty."""
    found = run("words", *(f"={word}" for word in ["speechgru", *line.split(" ")]))
    assert found.code == 0
    return [row.partition("\t")[0] for row in found.out.splitlines()]


def test_commands_and_those_of_groups(run: Run) -> None:
    assert complete(run, "tra") == ["train", "transcribe"]
    assert set(cli.commands()) <= set(complete(run, ""))
    assert complete(run, "lm b") == ["build"]
    assert complete(run, "help lm b") == ["build"]
    assert complete(run, "nonsense b") == []


def test_options_and_their_choices(run: Run) -> None:
    assert complete(run, "transcribe talk.wav --form") == ["--format"]
    assert complete(run, "transcribe --format j") == ["json"]
    assert complete(run, "transcribe --format=j") == ["--format=json"]
    assert complete(run, "transcribe --format = j") == ["json"], "as bash parts words"
    assert complete(run, "transcribe --format =") == list(plugins.find("cli", "transcribe").FORMATS)
    assert "--json" not in complete(run, "doctor --"), "of an earlier version"
    assert complete(run, "transcribe -- --form") == []


def test_names(run: Run) -> None:
    assert complete(run, "transcribe --model ") == assets.model_names()
    assert complete(run, "transcribe --model x --lm e") == ["english"]
    assert complete(run, "train ") == recipes()
    assert complete(run, "compare english-small v") == ["vad"]
    assert "librispeech" in complete(run, "corpus prepare ")


def test_where_a_file_is_expected_the_shell_completes(run: Run) -> None:
    assert complete(run, "transcribe ta") == []
    assert complete(run, "transcribe -o ") == []
    assert complete(run, "evaluate --format json ma") == []


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from speechgru.cli import main;"
        "main(['completion', 'words', '=speechgru', '=train', '=']);"
        "main(['completion', 'words', '=speechgru', '=transcribe', '=--model', '=']);"
        "print(sorted(sys.modules.keys() & {'torch', 'numpy', 'hydra', 'omegaconf', 'yaml'}), file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stderr == "[]\n"


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_script_is_printed_for_each_shell(run: Run, shell: str) -> None:
    found = run(shell)
    assert found.code == 0 and "completion words" in found.out
    assert run("powershell").code == 2


BASH = """
eval "$(speechgru completion bash)"
COMP_WORDS=(speechgru transcribe --format = j); COMP_CWORD=4; _speechgru; echo "${COMPREPLY[@]}"
COMP_WORDS=(speechgru lm "b"); COMP_CWORD=2; _speechgru; echo "${COMPREPLY[@]}"
COMP_WORDS=(speechgru transcribe "my"); COMP_CWORD=2; _speechgru; echo "${#COMPREPLY[@]}"
"""
FISH = """
speechgru completion fish | source
complete -C "speechgru transcribe --format j"; complete -C "speechgru lm b"; complete -C "speechgru transcribe my"
"""


@pytest.mark.parametrize(
    ("shell", "script", "expected"),
    [("bash", BASH, ["json", "build", "0"]), ("fish", FISH, ["json", "build", "my talk.wav"])],
)
def test_the_shell_shows_them(tmp_path: Path, shell: str, script: str, expected: list[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} isn't installed")
    command = tmp_path / "bin" / "speechgru"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m speechgru "$@"\n')
    command.chmod(0o755)
    (tmp_path / "my talk.wav").touch()
    found = subprocess.run(
        [shell, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )
    assert [line.partition("\t")[0] for line in found.stdout.splitlines()] == expected, found.stderr
