"""speechgru train, as it is typed: what it prints, what it refuses, and what Ctrl-C does."""

from __future__ import annotations

import argparse
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import replicas

from speechgru import cli
from speechgru.cli.model import calibrate
from speechgru.config import load_recipe
from speechgru.data import splits
from speechgru.tasks import ctc
from speechgru.training import monitor

pytestmark = pytest.mark.usefixtures("log_levels", "hears_ctrl_c")


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    return replicas.digits(tmp_path, "my run")


@pytest.mark.slow
def test_it_trains_and_says_where_things_are(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert cli.main(["train", *arguments]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"^== (\w+)\nWER  ", out, re.M) == ["dev", "test"]
    assert out.endswith(f"model: {tmp_path}/my run/best.safetensors\nreport: {tmp_path}/my run/report.md\n")
    (offer,) = re.findall(r"speechgru model calibrate .*", out)
    parser = argparse.ArgumentParser()
    calibrate.add_arguments(parser)
    offered = parser.parse_args(shlex.split(offer)[3:])
    assert all(Path(path).is_file() for path in (offered.model, *offered.manifests))
    assert [m[:10] for m in caplog.messages if m.startswith("epoch ")] == ["epoch 1  s", "epoch 2  s"]
    assert any(
        re.match(r"2 training utterances, 0\.00 h; 0\.0\d M parameters; cpu, float32", m)
        for m in caplog.messages
    )
    # The command that the report gives is one that can be typed.
    command = re.search(r"\| command \| `(.*)` \|", (tmp_path / "my run" / "report.md").read_text())
    assert command and shlex.split(command[1]) == ["speechgru", "train", *arguments]

    assert cli.main(["train", *arguments]) == 1
    assert re.search(r"my run already holds a run\. Continue it with --resume", capsys.readouterr().err)
    assert cli.main(["train", *arguments, "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("== dev")


def test_it_trains_without_the_extras(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("matplotlib", "tensorboard", "optuna", "h5py", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    arguments = [a for a in arguments if not a.startswith("trainer.tensorboard")]
    assert cli.main(["train", *arguments, "optimizer=adam,adamw", "--multirun"]) == 0
    (table,) = (tmp_path / "my run").rglob("multirun.md")
    assert "adamw" in table.read_text()
    assert not list((tmp_path / "my run").rglob("*.png")) + list((tmp_path / "my run").rglob("tensorboard"))
    for report in (tmp_path / "my run").rglob("report.md"):
        assert ".png" not in report.read_text()


def test_a_dry_run_plans_and_writes_no_run(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = set(tmp_path.rglob("*"))
    assert cli.main(["train", *arguments, "--dry-run"]) == 0
    assert set(tmp_path.rglob("*")) == data, "nothing is left behind"
    out = capsys.readouterr().out
    found = re.fullmatch(
        r"plan: (\d+\.\d\d) s a step \((\d+) % of it waiting for data\), (.+) an epoch, (.+) for 2 epochs "
        r"\((\d+) steps\), dev evaluation not counted; memory \d+\.\d GB"
        r"(; a batch about \d+\.\d times as large would fit)?\n",
        out,
    )
    assert found, out
    assert int(found[5]) == 2 * 2 and 0 <= int(found[2]) <= 100
    assert not (tmp_path / "my run").exists()


@pytest.mark.slow
def test_quiet_shows_no_epochs(
    arguments: list[str],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bar, quiet = monitor.bar, []
    # Without a terminal there is no bar anyway: see what is asked for.
    monkeypatch.setattr(monitor, "bar", lambda *given: quiet.append(given[-1]) or bar(*given))
    assert cli.main(["train", *arguments, "--quiet"]) == 0
    assert quiet == [True, True]
    assert not [r for r in caplog.records if r.name.startswith("speechgru") and r.levelno < logging.WARNING]
    captured = capfd.readouterr()
    assert "batch" not in captured.err and "epoch " not in captured.err
    assert "== dev" in captured.out


def test_show_prints_the_recipe_and_trains_nothing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", *arguments, "--show"]) == 0
    shown = tmp_path / "shown.yaml"
    shown.write_text(capsys.readouterr().out)
    assert load_recipe(shown) == load_recipe("digits", arguments[1:])
    assert not (tmp_path / "my run").exists()


@pytest.mark.parametrize(
    ("given", "expected", "code"),
    [
        (["digits", "trainer.epohs=3"], r"Unknown key in trainer: 'epohs'\. Did you mean 'epochs'", 2),
        (["digits", "trainer.epochs=many"], r"trainer\.epochs", 2),
        (["digits", "schedule=cosin"], r"Did you mean 'cosine'", 2),
        (["digts"], r"Unknown recipe: 'digts'\. Did you mean 'digits'", 2),
        (["digits", "epochs"], r"'epochs' is no setting; expected key=value", 2),
        (["digits", "model.layrs=1,2", "--multirun"], r"Did you mean 'layers'", 2),
        (
            ["digits"],
            r"No data folder is given\. Pass corpus\.root=PATH or set SPEECHGRU_DATA.* To fetch it: speechgru corpus "
            "download free_spoken_digits data",
            2,
        ),
        (["yesno", "corpus.root=/nowhere"], r"no folder '/nowhere'.*corpus download yesno /nowhere", 1),
        (
            ["digits", "corpus.root=."],
            r"free_spoken_digits: free-spoken-digit-dataset-1\.0\.9 is missing\. Expected .*corpus\.root=PATH\. "
            r"To fetch it: speechgru corpus download free_spoken_digits \.",
            1,
        ),
        (
            ["librispeech", "corpus.root=."],
            "speechgru corpus download librispeech . --part train-clean-100 --part dev-clean --part test-clean --part "
            "test-other",
            1,
        ),
        (["commonvoice", "corpus.root=."], r"How to get it: speechgru corpus download commonvoice \.", 1),
        (["digits", "--resume"], r"nothing to resume: runs/digits/last\.pt does not exist", 1),
    ],
)
def test_what_is_refused(
    given: list[str],
    expected: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("SPEECHGRU_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", *given]) == code
    captured = capsys.readouterr()
    assert re.fullmatch(rf"speechgru: error: .*{expected}.*\n", captured.err)
    assert captured.out == ""
    assert not list(tmp_path.iterdir()), "a refusal leaves nothing behind"


def test_a_recipe_of_ones_own_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "defaults: [{features: log_mel}, {model: acoustic}, {decoder: greedy}, _self_]\nepohs: 3\n"
    )
    for more in ([], ["trainer.epochs=3"]):
        assert cli.main(["train", str(wrong), *more]) == 2
        assert "Unknown key: 'epohs'" in capsys.readouterr().err


# --- Ctrl-C


def test_ctrl_c_while_preparing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(splits, "splits_of", interrupt)
    assert cli.main(["train", *arguments]) == 130
    captured = capsys.readouterr()
    assert captured.err == "Stopped; nothing was saved yet, so there is nothing to resume.\n"
    assert captured.out == ""


def test_ctrl_c_in_the_final_evaluation(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(ctc, "evaluate", interrupt)
        assert cli.main(["train", *arguments]) == 130
    assert capsys.readouterr().err == _advice(arguments)
    assert cli.main(["train", *arguments, "--resume"]) == 0
    assert "== test" in capsys.readouterr().out


def _advice(arguments: list[str]) -> str:
    return f"Stopped; the state is saved. Go on with: {shlex.join(['speechgru', 'train', *arguments])} --resume\n"


def _start(arguments: list[str]) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C at a terminal reaches a whole process group, workers too.
    return subprocess.Popen(
        [sys.executable, "-m", "speechgru", "train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_ctrl_c_at_a_terminal_saves_and_says_how_to_go_on(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments += ["trainer.workers=1", "trainer.epochs=60", "trainer.evaluate_every=60", "trainer.patience=0"]
    process = _start(arguments)
    _wait_for(tmp_path / "my run" / "last.pt", process)
    time.sleep(0.3)  # some way into an epoch, a worker is starting or reading
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith(_advice(arguments))
    assert "Traceback" not in err and "Exception" not in err
    assert out == ""
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # no worker is left behind

    # The printed command, in this process. The worker is no part of the result.
    typed = shlex.split(err.splitlines()[-1].partition("Go on with: ")[2])
    assert typed[0] == "speechgru" and typed[-1] == "--resume"
    assert cli.main([*typed[1:-1], "trainer.workers=0", "--resume"]) == 0
    assert "== test" in capsys.readouterr().out
