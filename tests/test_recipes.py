"""Every recipe trains a step on a small copy of its corpora, and what it leaves behind can be used."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import beeps
import pytest
import replicas
import torch

from speechgru.audio import encode
from speechgru.config import Recipe, load_recipe
from speechgru.config.files import recipes
from speechgru.config.recipe import SourceConfig
from speechgru.data import manifest
from speechgru.errors import ConfigError, TrainingError
from speechgru.inference import load_classifier, load_punctuator, load_recognizer
from speechgru.lm import load_language_model
from speechgru.models import checkpoint
from speechgru.tasks import ctc
from speechgru.tasks.punctuation_settings import PunctuationConfig, WrittenSourceConfig
from speechgru.tasks.text_settings import TextConfig
from speechgru.training import estimate, loop
from speechgru.training import run as training_run
from speechgru.utils import plugins

TINY = [
    *("trainer.epochs=1", "trainer.workers=0", "trainer.tensorboard=false", "trainer.start="),
    *("trainer.device=cpu", "trainer.precision=float32"),
]
# A very small model of each task, and all its data in a batch.
SMALL = {
    "ctc": [
        *("model.layers=1", "model.width=16", "model.channels=2", "features.n_mels=16"),
        "trainer.batch_seconds=1000",
    ],
    "classify": [
        *("model.layers=1", "model.width=16", "model.channels=2", "features.n_mels=16"),
        "trainer.batch_seconds=1000",
    ],
    "vad": [
        *("model.width=16", "model.channels=2", "features.n_mels=16", "vad.seconds=2"),
        "trainer.batch_seconds=1000",
    ],
    "language": [
        *("model.layers=1", "model.width=16", "model.embedding=4", "trainer.batch_characters=100000"),
        *("text.parts=1", "text.held_out=0.2"),
    ],
    "punctuation": [
        *("model.layers=1", "model.width=8", "model.embedding=4", "model.buckets=16"),
        *("punctuation.held_out=0.5", "trainer.batch_characters=100000"),
    ],
    "hybrid": [],  # tried in tests/tasks/test_hybrid.py
    "rolls": [],  # this and words: tried in tests/music
    "words": [],
}
PARAGRAPHS = [
    "A bad cab came by. The quick brown fox’s dog, at last; jumped!",
    "Who is it? It’s I. See, we go.",
]


def tiny(name: str, folder: Path, *overrides: str) -> tuple[Recipe, list[str]]:
    """A recipe with a very small model, its output and its corpora below `folder`, and the overrides for that."""
    given = [
        *TINY,
        *SMALL[load_recipe(name).task],
        f"corpus.root={folder / 'data'}",
        f"output={folder / 'run'}",
    ]
    given += overrides
    recipe = load_recipe(name, given)
    replicas.build(recipe, folder / "data")
    texts = recipe.settings.sources if isinstance(recipe.settings, (TextConfig, PunctuationConfig)) else ()
    for number, source in enumerate(texts):
        path = folder / "data" / source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [*PARAGRAPHS[number % 2 :], f"“No {number}!” Yes."]
        if isinstance(source, WrittenSourceConfig):  # held out by blocks of lines
            lines = [line for number in range(400) for line in (*PARAGRAPHS, f"I say {number}.")]
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return recipe, given


def of_task(task: str) -> list[str]:
    return [name for name in recipes() if load_recipe(name).task == task]


def test_every_task_is_tried() -> None:
    assert {load_recipe(name).task for name in recipes()} == SMALL.keys() == set(plugins.names("tasks"))


@pytest.mark.parametrize("name", of_task("language"))
def test_a_recipe_of_a_language_model_trains_a_step(name: str, tmp_path: Path) -> None:
    recipe, overrides = tiny(name, tmp_path)
    run = training_run.train(recipe, overrides, command=f"speechgru train {name}", quiet=True)
    folder = tmp_path / "run"
    sets = ["held-out", *recipe.corpus.dev, *recipe.corpus.test]

    report = json.loads((folder / "report.json").read_text())
    assert (report["recipe"], report["epoch"], len(report["history"])) == (name, 1, 1)
    assert report["history"][0]["step"] == 1
    assert list(report["scores"]) == list(run.evaluations) == sets
    assert all(1 < report["scores"][name]["bits_per_character"] < 6 for name in sets)
    assert {c["name"] for c in report["corpora"]} == {
        s.label for s in recipe.task_settings(TextConfig).sources
    }
    assert all(c["licence"] and c["source"] and c["words"] > 0 for c in report["corpora"])
    text = (folder / "report.md").read_text()
    assert f"`speechgru train {name}`" in text and "| perplexity per word |" in text
    assert "| corpus | words | licence | source |" in text and "WER" not in text
    assert (folder / "learning_curve.png").is_file()
    for name in sets:
        assert (folder / "texts" / f"{name}.txt").read_text().strip()

    assert load_recipe(folder / "recipe.yaml", ["corpus.splits="]).settings == recipe.settings
    provenance = checkpoint.load(run.model).header["provenance"]
    assert (provenance["overrides"], provenance["epoch"]) == (overrides, 1)
    assert provenance["trained_words"] == sum(c["words"] for c in report["corpora"])
    assert load_language_model(run.model).sample("A bad", 20).startswith("a bad")


@pytest.mark.parametrize("name", of_task("punctuation"))
def test_a_recipe_of_punctuation_trains_a_step(name: str, tmp_path: Path) -> None:
    recipe, overrides = tiny(name, tmp_path)
    run = training_run.train(recipe, overrides, command=f"speechgru train {name}", quiet=True)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    sources = [source.label for source in recipe.task_settings(PunctuationConfig).sources]
    sets = [f"{label}, {how}" for how in ("words alone", "with pauses") for label in sources]
    assert list(report["scores"]) == list(run.evaluations) == sets
    assert all(0 <= report["scores"][name]["comma"]["f1"] <= 1 for name in sets)
    assert all(c["licence"] and c["source"] and c["words"] > 0 for c in report["corpora"])
    assert "| F1 full stop |" in (tmp_path / "run" / "report.md").read_text()
    assert load_recipe(tmp_path / "run" / "recipe.yaml").settings == recipe.settings
    restored = load_punctuator(run.model).restore("who is it")
    assert restored[0] == "W" and restored[-1] in ".?" and restored.lower().split()[1].strip(",.?") == "is"


@pytest.mark.parametrize("name", of_task("classify"))
def test_a_recipe_of_a_classifier_trains_a_step(name: str, tmp_path: Path) -> None:
    recipe, overrides = tiny(name, tmp_path)
    for source in recipe.corpus.sources:
        words(source, tmp_path / "data" / source.path)
    run = training_run.train(recipe, overrides, command=f"speechgru train {name}", quiet=True)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    splits = [*recipe.corpus.dev, *recipe.corpus.test]
    assert report["history"][0]["step"] == 1
    assert list(report["scores"]) == list(run.evaluations) == splits
    for split in splits:
        scores = report["scores"][split]
        assert 0 <= scores["accuracy"] <= 1 and len(scores["classes"]) >= 2
        assert sum(map(sum, scores["confusions"])) == scores["recordings"] > 0
        assert len(manifest.read(tmp_path / "run" / "manifests" / f"{split}.jsonl")) == scores["recordings"]
    assert "| true / predicted |" in (tmp_path / "run" / "report.md").read_text()
    assert load_recipe(tmp_path / "run" / "recipe.yaml").model == recipe.model
    classifier = load_classifier(run.model)
    (answer,) = classifier.classify([beeps.beep("see")])
    assert answer.label in classifier.classes.names


def words(source: SourceConfig, root: Path) -> None:
    """Two words of enough speakers that each split has some, in the layout of the source."""
    if source.name == "speech_commands":
        for i in range(40):
            for word in ("bed", "cat"):
                replicas._say(root / word / f"{i:08x}_nohash_0.wav", word)


@pytest.mark.parametrize("name", of_task("ctc"))
def test_a_recipe_trains_a_step(name: str, tmp_path: Path) -> None:
    recipe, overrides = tiny(name, tmp_path)
    run = training_run.train(recipe, overrides, command=f"speechgru train {name}", quiet=True)
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
    assert (folder / loop.STATE).is_file()

    provenance = checkpoint.load(run.model).header["provenance"]
    assert (provenance["recipe"], provenance["overrides"], provenance["epoch"]) == (name, overrides, 1)
    transcript = load_recognizer(run.model).transcribe(beeps.beep("see me"), beeps.RATE)
    assert transcript.duration == pytest.approx(len(beeps.beep("see me")) / beeps.RATE)


def test_a_run_is_not_overwritten_and_not_resumed_as_another(tmp_path: Path) -> None:
    recipe, _ = tiny("digits", tmp_path, "trainer.epochs=2")
    with pytest.raises(TrainingError, match="nothing to resume"):
        training_run.train(recipe, quiet=True, resume=True)
    assert not (tmp_path / "run").exists(), "a refused resume leaves nothing behind"
    first = training_run.train(recipe, quiet=True)
    with pytest.raises(TrainingError, match=r"already holds a run.*--resume.*output=FOLDER"):
        training_run.train(recipe, quiet=True)

    files = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    other, _ = tiny("digits", tmp_path, "trainer.epochs=3")
    with pytest.raises(TrainingError, match="other settings or other data"):
        training_run.train(other, quiet=True, resume=True)
    longer = tmp_path / "data" / recipe.corpus.sources[0].path / "1_anna_0.wav"
    encode.write(longer, beeps.beep("one|"), beeps.RATE)
    with pytest.raises(TrainingError, match="other settings or other data"):
        training_run.train(recipe, quiet=True, resume=True)
    assert {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()} == files

    replicas.build(recipe, tmp_path / "data")
    # Where and how it runs may change; what is learnt may not.
    again, _ = tiny("digits", tmp_path, "trainer.epochs=2", "trainer.log_every=7", "trainer.threads=1")
    second = training_run.train(again, quiet=True, resume=True)
    assert {k: e.score for k, e in second.evaluations.items()} == {
        k: e.score for k, e in first.evaluations.items()
    }


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("digits", ["trainer.batch_seconds=1.5"]),
        ("lm-english", ["trainer.batch_characters=60", "text.parts=2", "model.dropout=0.5"]),
    ],
)
def test_an_interrupted_recipe_ends_like_an_uninterrupted_one(
    name: str, settings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [*settings, "trainer.epochs=2", "trainer.average=0.9"]
    whole, _ = tiny(name, tmp_path / "whole", *settings)
    expected = checkpoint.load(training_run.train(whole, quiet=True).model)

    recipe, _ = tiny(name, tmp_path / "part", *settings)
    task: Any = plugins.find("tasks", recipe.task).Task
    loss = task.loss

    # The steps that are measured before the first are no part of the run.
    monkeypatch.setattr(estimate, "measure", lambda *_: "")

    def interrupted_loss(self: Any, batch: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return loss(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(task, "loss", interrupted_loss)
        with pytest.raises(loop.Interrupted):
            training_run.train(recipe, quiet=True)
    state = torch.load(tmp_path / "part" / "run" / loop.STATE, weights_only=True)
    assert (state["progress"]["step"], state["progress"]["epoch"]) == (1, 0)
    found = checkpoint.load(training_run.train(recipe, quiet=True, resume=True).model)
    assert all(found.tensors[name].equal(tensor) for name, tensor in expected.tensors.items())


def test_what_a_task_does_not_take_is_refused() -> None:
    with pytest.raises(ConfigError, match="task=language takes no decoder; leave decoder out"):
        load_recipe("lm-english", ["decoder=greedy"])
    with pytest.raises(ConfigError, match=r"Unknown name in tasks: 'langauge'\. Did you mean 'language'\?"):
        load_recipe("lm-english", ["task=langauge"])
    with pytest.raises(ConfigError, match=r"no features\.name"):
        load_recipe("lm-english", ["task=ctc"])
    recipe = load_recipe("digits", ["model=language"])
    with pytest.raises(
        ConfigError, match=r"'language', a model of kind 'language'; task=ctc wants acoustic\."
    ):
        ctc.prepare(recipe)


def test_a_gpu_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    recipe, _ = tiny("digits", tmp_path, "trainer.device=cuda")
    with pytest.raises(
        ConfigError, match=r"trainer\.device=cuda, but PyTorch sees no GPU.*trainer\.device=cpu"
    ):
        training_run.train(recipe, quiet=True)


def test_somebody_elses_checkout_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    site = tmp_path / "venv" / "speechgru"
    site.mkdir(parents=True)
    monkeypatch.setattr(training_run, "__file__", str(site / "training" / "run.py"))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked git"))
    assert training_run.commit() == ""
