"""Every recipe trains a step on a small copy of its corpora, and what it leaves behind can be used."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import beeps
import pytest
import replicas
import torch
from torch import Tensor

from speechgru import audio, checkpoint, manifest, runs, training
from speechgru.batches import Batch
from speechgru.config import load_recipe, recipes, to_yaml
from speechgru.ctc import CtcTask
from speechgru.errors import ConfigError, TrainingError
from speechgru.recipe import Recipe
from speechgru.recognizer import load_recognizer

TINY = [
    *("model.layers=1", "model.width=16", "model.channels=2", "features.n_mels=16"),
    *("trainer.epochs=1", "trainer.batch_seconds=1000", "trainer.workers=0", "trainer.tensorboard=false"),
    *("trainer.device=cpu", "trainer.precision=float32"),
]


def tiny(name: str, folder: Path, *overrides: str) -> tuple[Recipe, list[str]]:
    """A recipe with a very small model, its output and its corpora below `folder`, and the overrides for that."""
    given = [*TINY, f"corpus.root={folder / 'data'}", f"output={folder / 'run'}", *overrides]
    recipe = load_recipe(name, given)
    replicas.build(recipe, folder / "data")
    return recipe, given


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_trains_a_step(name: str, tmp_path: Path) -> None:
    recipe, overrides = tiny(name, tmp_path)
    run = runs.train(
        recipe, overrides, composed=to_yaml(recipe), command=f"speechgru train {name}", quiet=True
    )
    folder = tmp_path / "run"
    splits = [*recipe.corpus.dev, *recipe.corpus.test]

    report = json.loads((folder / "report.json").read_text())
    assert (report["recipe"], report["epoch"], len(report["history"])) == (name, 1, 1)
    assert report["history"][0]["step"] == 1
    assert list(report["scores"]) == list(run.evaluations) == splits
    assert {c["name"] for c in report["corpora"]} == {s.label for s in recipe.corpus.sources}
    assert all(c["licence"] and c["source"] and c["hours"] > 0 for c in report["corpora"])
    assert f"`speechgru train {name}`" in (folder / "report.md").read_text()

    for split in ("train", *splits):
        assert len(manifest.read(folder / "manifests" / f"{split}.jsonl")) >= 2
    assert (folder / "manifests" / "dropped.tsv").is_file()
    assert load_recipe(folder / "recipe.yaml", ["corpus.splits="]).model == recipe.model
    assert (folder / training.STATE).is_file()

    provenance = checkpoint.load(run.model).header["provenance"]
    assert (provenance["recipe"], provenance["overrides"], provenance["epoch"]) == (name, overrides, 1)
    transcript = load_recognizer(run.model).transcribe(beeps.beep("see me"), beeps.RATE)
    assert transcript.duration == pytest.approx(len(beeps.beep("see me")) / beeps.RATE)


def test_a_run_is_not_overwritten_and_not_resumed_as_another(tmp_path: Path) -> None:
    recipe, _ = tiny("digits", tmp_path, "trainer.epochs=2")
    with pytest.raises(TrainingError, match="nothing to resume"):
        runs.train(recipe, quiet=True, resume=True)
    assert not (tmp_path / "run").exists(), "a refused resume leaves nothing behind"
    first = runs.train(recipe, quiet=True)
    with pytest.raises(TrainingError, match=r"already holds a run.*--resume.*output=FOLDER"):
        runs.train(recipe, quiet=True)

    files = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    other, _ = tiny("digits", tmp_path, "trainer.epochs=3")
    with pytest.raises(TrainingError, match="other settings or other data"):
        runs.train(other, quiet=True, resume=True)
    longer = tmp_path / "data" / recipe.corpus.sources[0].path / "1_anna_0.wav"
    audio.write(longer, beeps.beep("one|"), beeps.RATE)
    with pytest.raises(TrainingError, match="other settings or other data"):
        runs.train(recipe, quiet=True, resume=True)
    assert {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()} == files

    replicas.build(recipe, tmp_path / "data")
    # Where and how it runs may change; what is learnt may not.
    again, _ = tiny("digits", tmp_path, "trainer.epochs=2", "trainer.log_every=7", "trainer.threads=1")
    second = runs.train(again, quiet=True, resume=True)
    assert {k: e.score for k, e in second.evaluations.items()} == {
        k: e.score for k, e in first.evaluations.items()
    }


def test_an_interrupted_recipe_ends_like_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["trainer.epochs=2", "trainer.batch_seconds=1.5", "trainer.average=0.9"]
    whole, _ = tiny("digits", tmp_path / "whole", *settings)
    expected = checkpoint.load(runs.train(whole, quiet=True).model)

    recipe, _ = tiny("digits", tmp_path / "part", *settings)
    loss = CtcTask.loss

    def interrupted_loss(self: CtcTask, batch: Batch) -> Tensor:
        signal.raise_signal(signal.SIGINT)
        return loss(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(CtcTask, "loss", interrupted_loss)
        with pytest.raises(training.Interrupted):
            runs.train(recipe, quiet=True)
    state = torch.load(tmp_path / "part" / "run" / training.STATE, weights_only=True)
    assert (state["progress"]["step"], state["progress"]["epoch"]) == (1, 0)
    found = checkpoint.load(runs.train(recipe, quiet=True, resume=True).model)
    assert all(found.tensors[name].equal(tensor) for name, tensor in expected.tensors.items())


def test_a_gpu_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    recipe, _ = tiny("digits", tmp_path, "trainer.device=cuda")
    with pytest.raises(
        ConfigError, match=r"trainer\.device=cuda, but PyTorch sees no GPU.*trainer\.device=cpu"
    ):
        runs.train(recipe, quiet=True)


def test_somebody_elses_checkout_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    site = tmp_path / "venv" / "speechgru"
    site.mkdir(parents=True)
    monkeypatch.setattr(runs, "__file__", str(site / "runs.py"))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked git"))
    assert runs._commit() == ""
