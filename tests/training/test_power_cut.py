"""A training that is killed again and again, at any moment, ends with the very weights of one that wasn't."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import replicas
import torch

from speechgru.config import load_recipe
from speechgru.models import checkpoint

EPOCHS = 40
# Kills itself without notice: some time after the first step, or with half a state written.
DRIVER = """
import os, signal, sys, threading, time
import torch
from speechgru import cli; from speechgru.training import loop as training
mode, *arguments = sys.argv[1:]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
step, save, saved = training._Run._step, torch.save, []
def first_step(self, *args):
    training._Run._step = step
    threading.Timer(float(mode), die).start()
    return step(self, *args)
def half_a_state(state, path):
    saved.append(path)
    save(state, path)
    if len(saved) == 3:
        os.truncate(path, os.path.getsize(path) // 2)
        die()
if mode == "saving":
    torch.save = half_a_state
elif mode != "never":
    training._Run._step = first_step
sys.exit(cli.main(["train", *arguments, "--quiet"]))
"""


def train(mode: str, folder: Path, *more: str) -> int:
    command = [sys.executable, "-c", DRIVER, mode, "digits", *settings(folder), *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, timeout=100).returncode


def settings(folder: Path) -> list[str]:
    return [
        *("model.layers=1", "model.width=16", "model.channels=2", "features.n_mels=16", "model.dropout=0.3"),
        *(
            "trainer.batch_seconds=1.5",
            "trainer.tensorboard=false",
            "trainer.device=cpu",
            "trainer.average=0.9",
        ),
        *(f"trainer.epochs={EPOCHS}", "trainer.evaluate_every=10", "trainer.save_minutes=0.0001"),
        *("augment.time_masks=1", f"corpus.root={folder / 'data'}", f"output={folder / 'run'}"),
    ]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_weights_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        replicas.build(load_recipe("digits", settings(folder)), folder / "data")
    assert train("never", whole) == 0

    killed = []
    for mode in ("saving", *(f"{chance.uniform(0.0, 0.6):.3f}" for _ in range(3))):
        killed.append(train(mode, cut, *(["--resume"] if (cut / "run" / "last.pt").exists() else [])))
    assert killed[0] == -signal.SIGKILL
    assert killed.count(-signal.SIGKILL) >= 2, killed
    assert train("never", cut, "--resume") == 0

    ours, theirs = (checkpoint.load(folder / "run" / "best.safetensors") for folder in (cut, whole))
    assert ours.header["provenance"]["epoch"] == theirs.header["provenance"]["epoch"]
    for name, tensor in theirs.tensors.items():
        assert torch.equal(ours.tensors[name], tensor), name
    states = [torch.load(folder / "run" / "last.pt", weights_only=True) for folder in (cut, whole)]
    for name, tensor in states[1]["model"].items():
        assert torch.equal(states[0]["model"][name], tensor), name
    left = [path.name for path in (cut / "run").iterdir() if path.name.startswith(".")]
    assert len(left) <= killed.count(-signal.SIGKILL)  # half-written files never take the name of a whole one
