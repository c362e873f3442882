"""The dispatcher: finds commands, explains itself, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from commands import play

import speechgru
from speechgru import cli
from speechgru.errors import AudioError
from speechgru.utils import plugins

HEAVY = (
    "torch",
    "torchaudio",
    "numpy",
    "librosa",
    "soundfile",
    "hydra",
    "omegaconf",
    "yaml",
    "tqdm",
    "jiwer",
)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a command `play` that does what it is given; the real ones stay as they are."""

    def install(run: Callable[[argparse.Namespace], int]) -> None:
        module = ModuleType("speechgru.cli.play")
        module.HELP, module.EXAMPLES, module.run = "play a file", "  speechgru play it.wav", run  # type: ignore[attr-defined]
        module.add_arguments = lambda parser: parser.add_argument("file")  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "speechgru.cli.play", module)
        real = plugins.names
        monkeypatch.setattr(plugins, "names", lambda folder: sorted({*real(folder), "play"}))

    return install


def _raise(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "speechgru", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_a_command_gets_its_arguments_and_gives_the_exit_code(command: Callable[..., None]) -> None:
    command(lambda args: 7 if args.file == "a b.wav" else 0)
    assert cli.main(["play", "a b.wav"]) == 7


def test_options_may_stand_between_arguments(
    command: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(lambda args: len(args.files) if args.loud else 0)

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+")
        parser.add_argument("--loud", action="store_true")

    monkeypatch.setattr(sys.modules["speechgru.cli.play"], "add_arguments", add_arguments)
    assert cli.main(["play", "a.wav", "--loud", "b.wav", "c.wav"]) == 3
    assert cli.main(["play", "--loud", "--", "-a.wav", "b.wav"]) == 2


def test_help_of_a_command_shows_its_examples(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda args: 0)
    assert cli.main(["play", "--help"]) == 0
    out = capsys.readouterr().out
    assert "usage: speechgru play" in out
    assert "examples:\n  speechgru play it.wav" in out


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(
    arguments: list[str], command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda args: 0)
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    for name in plugins.names("cli"):
        assert f"  {name} " in out
    assert "play a file" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"speechgru {speechgru.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["plya"], "Did you mean 'play'?"),
        (["--verbose"], "--verbose"),
        (["--vers"], "--vers"),
        (["play"], "file"),
        (["play", "a.wav", "--loud"], "--loud"),
    ],
)
def test_wrong_usage_is_2(
    arguments: list[str], expected: str, command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda args: 0)
    assert cli.main(arguments) == 2
    assert expected in capsys.readouterr().err


def test_an_error_is_one_line_and_1(command: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    command(_raise(AudioError("no such file: 'x.wav'.\n  Check the path.")))
    assert cli.main(["play", "x.wav"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "speechgru: error: no such file: 'x.wav'. Check the path.\n"
    assert captured.out == ""


def test_debug_shows_the_traceback(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHGRU_DEBUG", "1")
    command(_raise(AudioError("broken")))
    assert cli.main(["play", "x.wav"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("speechgru: error: broken\n")


def test_an_error_of_the_system_is_one_line_too(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(_raise(PermissionError(13, "Permission denied", "/results")))
    assert cli.main(["play", "x.wav"]) == 1
    assert capsys.readouterr().err == "speechgru: error: [Errno 13] Permission denied: '/results'\n"


def test_a_bug_is_not_dressed_up(command: Callable[..., None]) -> None:
    command(_raise(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["play", "x.wav"])


def test_interruption_is_130(command: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    command(_raise(KeyboardInterrupt()))
    assert cli.main(["play", "x.wav"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_python_m_knows_usage_errors() -> None:
    finished = _run("trnascribe")
    assert finished.returncode == 2
    assert finished.stderr.startswith("speechgru: error: Unknown command: 'trnascribe'.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code"),
    [("transcribe - <&-", 1), ("train digits --show >&-", 0), ("transcribe gone.wav 2>&-", 1)],
)
def test_a_closed_stream_leads_nowhere(line: str, code: int) -> None:
    finished = subprocess.run(
        ["sh", "-c", f'exec "$0" -m speechgru {line}', sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (finished.returncode, finished.stdout) == (code, "")
    assert "Traceback" not in finished.stderr


_PIPE = play("""\
    print("first", flush=True)
    for i in range(200_000): print(i)""")


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _PIPE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "first\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 141


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"], ["trnascribe"]])
def test_start_up_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from speechgru.cli import main; main(sys.argv[1:]);"
        f"print(sorted(sys.modules.keys() & set({HEAVY!r})), file=sys.stderr)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert finished.stderr.splitlines()[-1] == "[]"


def test_help_starts_fast() -> None:
    def once() -> float:
        start = time.perf_counter()
        assert _run("--help").returncode == 0
        return time.perf_counter() - start

    # The best of several: a busy machine may delay one, not all.
    assert min(once() for _ in range(8)) < 0.3


def _commands() -> list[str]:
    """`train`, `lm build`, ...: commands, and those of groups."""
    found: list[str] = []
    for name in plugins.names("cli"):
        is_group = hasattr(plugins.find("cli", name), "__path__")
        found += [f"{name} {inner}" for inner in plugins.names(f"cli.{name}")] if is_group else [name]
    return found


@pytest.mark.parametrize("name", _commands())
def test_every_command_keeps_the_contract(name: str) -> None:
    module = importlib.import_module(f"speechgru.cli.{name.replace(' ', '.')}")
    assert module.HELP and "\n" not in module.HELP
    assert f"speechgru {name.replace('_', '-')}" in module.EXAMPLES
    module.add_arguments(argparse.ArgumentParser())
    assert callable(module.run)


@pytest.mark.parametrize("group", ["corpus", "lm", "model"])
def test_a_group_lists_its_commands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([group, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: speechgru {group} COMMAND" in out
    assert all(f"\n  {name} " in out for name in plugins.names(f"cli.{group}"))
    assert cli.main([group]) == 0
    assert capsys.readouterr().out == out
    assert cli.main([group, "bilud"]) == 2
    assert f"Unknown {group} command: 'bilud'" in capsys.readouterr().err
    assert cli.main([group, "--nonsense"]) == 2


@pytest.mark.parametrize("name", speechgru.__all__)
def test_public_names_are_there_when_asked_for(name: str) -> None:
    assert getattr(speechgru, name) is getattr(speechgru, name)
    assert name in dir(speechgru)


def test_a_name_that_is_not_public() -> None:
    with pytest.raises(AttributeError, match="no attribute 'transcrib'"):
        _ = speechgru.transcrib  # type: ignore[attr-defined]


def test_the_package_is_typed() -> None:
    assert (Path(speechgru.__file__).parent / "py.typed").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "line", [["--help"], ["--version"], ["lm", "--help"], ["train", "--help"], ["corpus", "list"]]
)
def test_output_that_is_lost_is_no_success(line: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "speechgru", *line], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "speechgru: error: [Errno 28] No space left on device\n"
