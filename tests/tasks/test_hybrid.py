"""Training a hybrid model further: its network learns, all else stays, and the file is read as the one before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import replicas
import torch
from hybrids import untrained

from speechgru.config import load_recipe
from speechgru.errors import CheckpointError, ConfigError
from speechgru.mmi import model_file, phone_ngram
from speechgru.models import checkpoint
from speechgru.tasks import held_out, hybrid
from speechgru.training import run as training_run

QUICK = [
    "trainer.epochs=4",
    "optimizer.lr=0.01",
    "trainer.evaluate_every=2",
    "trainer.tensorboard=false",
    "trainer.threads=1",
]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model with a trigram of phones."""
    path = tmp_path_factory.mktemp("start") / "start.safetensors"
    model = untrained(fitted=True)
    phones = len(model.tying.enter)
    draw = np.random.default_rng(0)
    rows = [[0, *draw.integers(1, phones, 20).tolist(), 0] for _ in range(50)]
    gram = phone_ngram.estimate(rows, phones)
    model_file.save(path, replace(model, gram=gram), {"recipe": "none", "corpora": []})
    checkpoint.annotate(path, {"detector": "vad"})
    return path


def recipe_of(folder: Path, start: Path, *more: str) -> list[str]:
    replicas.lay_out("folder", folder / "data")
    given = [f"corpus.root={folder / 'data'}", f"output={folder / 'run'}", f"trainer.start={start}"]
    return [*QUICK, *given, *more]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_network_learns_and_all_else_stays(tmp_path: Path, start: Path) -> None:
    run = training_run.train("own", recipe_of(tmp_path, start), quiet=True)
    assert list(run.evaluations) == ["held-out", held_out.BEFORE]
    before, after = model_file.load(start), model_file.load(run.model)
    moved = {
        name
        for name, tensor in after.network.state_dict().items()
        if not torch.equal(tensor, before.network.state_dict()[name])
    }
    assert "likelihoods.weight" in moved and "layers.0.weight_hh_l0" in moved
    for table, same in zip(after.tying, before.tying, strict=True):
        np.testing.assert_array_equal(table, same)
    assert after.gram and before.gram
    np.testing.assert_array_equal(after.gram.next, before.gram.next)
    loaded = checkpoint.load(run.model)
    assert loaded.get("detector") == "vad", "what judges its words stays"
    assert loaded.get("provenance")["started_from"]["recipe"] == "none"
    history = json.loads((tmp_path / "run" / "report.json").read_text())["history"]
    losses = [epoch["train_loss"] for epoch in history]
    assert losses[-1] < losses[0]


def test_what_it_can_not_start_from_is_refused(tmp_path: Path, start: Path) -> None:
    with pytest.raises(ConfigError, match=r"Pass trainer\.start=MODEL"):
        hybrid.prepare(load_recipe("own", recipe_of(tmp_path, start, "trainer.start=")))
    with pytest.raises(CheckpointError, match="kind"):
        hybrid.prepare(load_recipe("own", recipe_of(tmp_path, start, "trainer.start=english-small")))
    with pytest.raises(ConfigError, match="speed alone"):
        hybrid.prepare(load_recipe("own", recipe_of(tmp_path, start, "augment.time_masks=2")))
    bare = tmp_path / "bare.safetensors"
    model_file.save(bare, untrained(fitted=True), {})
    given = recipe_of(tmp_path, bare)
    with pytest.raises(ConfigError, match="no trigram of phones"):
        training_run.train("own", given, quiet=True)
