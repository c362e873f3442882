"""Several processes against one: the same steps, the same files, and a stop that all of them hear."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import beeps
import pytest

from speechgru.audio import encode
from speechgru.models import checkpoint
from speechgru.training.distributed import ALONE, Group, place

WORDS = ("see", "me", "we", "go", "bad", "cab", "hear", "it", "old", "fox", "new", "day")


def corpus(root: Path) -> None:
    """Nine recordings of three speakers, long and short ones: each batch has its own shape, one has one row."""
    for speaker, first in (("anna", 0), ("ben", 1), ("carl", 2)):
        for number in range(3 if speaker == "anna" else 2):
            text = " ".join(WORDS[first : first + 1 + 2 * number])
            path = root / speaker / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            encode.write(path, beeps.beep(text), beeps.RATE)
            path.with_suffix(".txt").write_text(text)


def recipe(folder: Path) -> Path:
    """A small network without dropout, so that nothing but the recordings decides."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(
        """\
defaults: [features: log_mel, augment: light, model: acoustic, decoder: greedy, optimizer: adamw,
  schedule: cosine, trainer: standard, _self_]
name: small
corpus:
  sources: [{name: folder, path: "."}]
  splits: splits
  train: [train]
  dev: [dev]
  test: []
features: {n_mels: 16}
model: {layers: 1, width: 16, channels: 2, dropout: 0.0}
trainer: {epochs: 3, tensorboard: false, device: cpu, precision: float32}
"""
    )
    (folder / "splits").mkdir(exist_ok=True)
    (folder / "splits" / "train.txt").write_text(
        "".join(f"folder/{s}/{i}\n" for s, n in (("anna", 3), ("ben", 2)) for i in range(n))
    )
    (folder / "splits" / "dev.txt").write_text("folder/carl/0\nfolder/carl/1\n")
    return folder


def train(processes: int, folder: Path, *overrides: str) -> list[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [
        *(sys.executable, *(launcher if processes > 1 else [])),
        *("-m", "speechgru", "train", str(recipe(folder / "recipe")), f"corpus.root={folder / 'data'}"),
        *overrides,
    ]


def history(folder: Path) -> Sequence[Mapping[str, Any]]:
    return json.loads((folder / "report.json").read_text())["history"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus(tmp_path / "data")
    return tmp_path


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=110, env=environment)


@pytest.mark.slow
def test_two_processes_do_what_one_does_with_twice_the_batch(folder: Path) -> None:
    two = run(train(2, folder, f"output={folder / 'two'}", "trainer.batch_seconds=1.5"))
    assert two.returncode == 0, two.stderr
    one = run(train(1, folder, f"output={folder / 'one'}", "trainer.batch_seconds=3.0"))
    assert one.returncode == 0, one.stderr
    assert two.stdout.count("== dev") == 1  # one of them speaks
    for ours, theirs in zip(history(folder / "two"), history(folder / "one"), strict=True):
        assert ours["step"] == theirs["step"]
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-5)
        assert ours["dev_wer"] == theirs["dev_wer"]
    weights = [checkpoint.load(folder / name / "best.safetensors").tensors for name in ("two", "one")]
    for name, tensor in weights[0].items():
        assert tensor.allclose(weights[1][name], atol=2e-3), name
    header = checkpoint.load(folder / "two" / "best.safetensors").header
    assert header["provenance"]["processes"] == 2


@pytest.mark.slow
def test_a_stop_is_heard_by_all_and_resumed(folder: Path) -> None:
    output = folder / "run"
    command = train(2, folder, f"output={output}", "trainer.epochs=4000", "trainer.evaluate_every=1000")
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        deadline = time.monotonic() + 60
        while not (output / "last.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        # Only one process of the two hears it from outside.
        workers = subprocess.run(
            ["pgrep", "-P", str(running.pid)], capture_output=True, text=True
        ).stdout.split()
        os.kill(int(workers[0]), signal.SIGINT)
        running.wait(60)
        assert running.stderr
        assert "Go on with: " in running.stderr.read()
    finally:
        running.kill()
    other = run(
        train(1, folder, f"output={output}", "trainer.epochs=4000", "trainer.evaluate_every=1000", "--resume")
    )
    assert other.returncode == 1
    assert "belongs to a run with other settings" in other.stderr


def test_alone_everything_is_its_own() -> None:
    assert (ALONE.share([1, 2, 3]), ALONE.sums([1.5, 2.0]), ALONE.any(True)) == ([1, 2, 3], [1.5, 2.0], True)
    assert ALONE.is_main


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_part_the_whole(size: int) -> None:
    shares = [Group(rank, size).share(list(range(7))) for rank in range(size)]
    assert sorted(itertools.chain(*shares)) == list(range(7))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_place_comes_from_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert place() == ALONE
    for name, value in (("WORLD_SIZE", "4"), ("RANK", "3"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert place() == Group(3, 4, 1)
    assert not place().is_main
