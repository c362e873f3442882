"""Training to predict piano rolls: what is cut, the loss, several processes, a whole run, interrupted and resumed."""

from __future__ import annotations

import json
import signal
from collections import Counter
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import music_sets
import numpy as np
import pytest
import torch

from speechgru.config import Recipe, load_recipe
from speechgru.config.files import recipes
from speechgru.errors import CheckpointError, ConfigError, CorpusError
from speechgru.models import checkpoint
from speechgru.music import harmonize, load_composer
from speechgru.music.files import midi, primer
from speechgru.music.files.piece import Piece
from speechgru.music.generation.request import Request
from speechgru.music.generation.roll_composer import RollComposer
from speechgru.music.models import roll
from speechgru.music.models.roll_model import RollItem, RollModel, load_roll_model
from speechgru.music.score.chorale import from_parts
from speechgru.music.score.corpus_facts import CorpusFacts
from speechgru.music.training import pieces
from speechgru.music.training.roll_task import Task, prepare
from speechgru.music.training.settings import MusicConfig
from speechgru.training import TaskContext, estimate, loop, receipt
from speechgru.training import run as training_run
from speechgru.training.distributed import ALONE, Group
from speechgru.utils import plugins

CPU = torch.device("cpu")
RECIPES = [name for name in recipes() if load_recipe(name).task == "rolls"]
TINY = [
    *("model.width=6", "trainer.tensorboard=false", "trainer.device=cpu"),
    *("trainer.epochs=1", "trainer.batch_characters=80", "trainer.precision=float32", "augment.pitch=[0.0]"),
]


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that only tell how long a run takes would be most of a tiny one."""
    monkeypatch.setattr(estimate, "measure", lambda *_: "")


def tiny(folder: Path, *overrides: str, name: str = "jsb_chorales") -> Recipe:
    corpus = "jsb_chorales" if name == "music_baseline" else name
    music_sets.write(folder / "data", corpus)
    small = "model.hidden=5" if name == "music_baseline" else "model.key_width=5"
    given = [*TINY, small, f"corpus.root={folder / 'data'}", f"output={folder / 'run'}", *overrides]
    return load_recipe(name, given)


def task(recipe: Recipe, group: Group = ALONE) -> Task:
    return Task(TaskContext(recipe, prepare(recipe), CPU, {"recipe": recipe.name}, group))


# --- what is cut


@pytest.mark.parametrize("chunk", [1, 7, 20, 100])
def test_an_epoch_learns_from_every_step_once(chunk: int) -> None:
    rolls = [RollItem(str(i), roll) for i, roll in enumerate(music_sets.rolls([40, 33, 8, 1], 1))]
    for epoch in range(3):
        found = pieces.chunks(rolls, MusicConfig(chunk=chunk), [0], 1, epoch)
        steps = Counter((c.piece, step) for c in found for step in range(c.first, c.last))
        assert steps == Counter((i, t) for i, item in enumerate(rolls) for t in range(item.steps))
        assert all(0 < c.last - c.first <= chunk for c in found)
        assert found == pieces.chunks(rolls, MusicConfig(chunk=chunk), [0], 1, epoch)
    if chunk == 20:
        others = [pieces.chunks(rolls, MusicConfig(chunk=chunk), [0], 1, epoch) for epoch in range(5)]
        assert len({tuple(cuts) for cuts in others}) > 1, "cuts differ from epoch to epoch"


def test_no_piece_is_moved_off_the_keyboard() -> None:
    low, high = np.zeros((2, 5, 88), dtype=np.uint8)
    low[:, 1], high[:, 85] = 1, 1
    items = [RollItem("", roll) for roll in (low, high, low | high)]
    shifts = [-6, -1, 0, 2, 6]
    drawn: list[set[int]] = [set(), set(), set()]
    for epoch in range(60):
        for c in pieces.chunks(items, MusicConfig(), shifts, 1, epoch):
            drawn[c.piece].add(c.shift)
    assert drawn == [{-1, 0, 2, 6}, {-6, -1, 0, 2}, {-1, 0, 2}]
    assert [c.shift for c in pieces.chunks(items[2:], MusicConfig(), [-6, 6], 1, 0)] == [0]


def test_pieces_and_splits_that_are_not_there(tmp_path: Path) -> None:
    recipe = tiny(tmp_path)
    assert [len(found) for found in prepare(recipe).test.values()] == [3]
    assert prepare(recipe).train[0].id == "jsb_chorales/train/0"
    with pytest.raises(ConfigError, match=r"Unknown split: 'tests'. Did you mean 'test'\?"):
        prepare(tiny(tmp_path, "corpus.test=[tests]"))
    with pytest.raises(
        CorpusError, match=r"4 pieces to learn from and 0 to choose the epoch by.*corpus\.dev"
    ):
        prepare(tiny(tmp_path, "corpus.dev=[]"))
    with pytest.raises(ConfigError, match="whole semitones"):
        task(tiny(tmp_path, "augment.pitch=[0.5]"))
    with pytest.raises(ConfigError, match=r"Unknown name in music\.models: 'acoustic'"):
        tiny(tmp_path, "model.name=acoustic")


def test_pieces_without_a_step_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny(tmp_path)
    module = plugins.find("music.corpora", "jsb_chorales")
    found = module.prepare(recipe.corpus.source_path(recipe.corpus.sources[0]))
    found["train"].append(Piece("train/silent", 1, np.zeros((0, 88), dtype=np.uint8)))
    monkeypatch.setattr(module, "prepare", lambda _: found)
    data = prepare(recipe)
    assert len(data.train) == 4 and data.summary() == {"jsb_chorales/train": {"nothing sounds": 1}}


# --- the loss


def test_the_loss_is_that_of_whole_pieces(tmp_path: Path) -> None:
    learning = task(tiny(tmp_path, "model.dropout=0.0", "music.chunk=100"))
    losses = [learning.loss(batch) for batch in learning.load(learning.plan(0), 0)]
    score = RollModel(learning.model).score(learning.data.train)
    assert sum(steps for _, steps in losses) == score.steps
    nats = sum(piece.first + piece.rest for piece in score.pieces)
    assert sum(loss.item() for loss, _ in losses) == pytest.approx(nats, rel=1e-4)


def test_a_long_enough_run_in_makes_cuts_harmless(tmp_path: Path) -> None:
    whole = task(tiny(tmp_path, "model.dropout=0.0", "music.chunk=100"))
    cut = task(tiny(tmp_path, "model.dropout=0.0", "music.chunk=9", "music.run_in=40"))
    short = task(tiny(tmp_path, "model.dropout=0.0", "music.chunk=9", "music.run_in=1"))
    nats = []
    for each in (whole, cut, short):
        each.model.load_state_dict(whole.model.state_dict())
        nats.append(sum(each.loss(batch)[0].item() for batch in each.load(each.plan(0), 0)))
    assert nats[1] == pytest.approx(nats[0], rel=1e-5)
    assert nats[2] != pytest.approx(nats[0], rel=1e-5)


def test_transposing_moves_what_is_learnt_from(tmp_path: Path) -> None:
    learning = task(tiny(tmp_path, "augment.pitch=[3.0]"))
    chunk = learning.plan(0)[0][0]
    assert chunk.shift == 3
    (batch,) = learning.load([[chunk]], 0)
    expected = np.roll(learning.data.train[chunk.piece].roll[chunk.first : chunk.last], 3, axis=1)
    assert np.array_equal(batch.targets[0].numpy(), expected)


@pytest.mark.parametrize("size", [2, 5])
def test_processes_share_a_batch(tmp_path: Path, size: int) -> None:
    recipe = tiny(tmp_path, "music.chunk=12", "model.dropout=0.0")
    alone = task(recipe)
    plan = alone.plan(0)[:2]
    for number, batch in enumerate(alone.load(plan, 0)):
        total, count = alone.loss(batch)
        shares = [task(recipe, Group(rank, size)) for rank in range(size)]
        parts = [each.loss(list(each.load(plan, 0))[number]) for each in shares]
        assert sum(c for _, c in parts) == count
        assert sum(loss.item() for loss, _ in parts) == pytest.approx(total.item(), rel=1e-4)


def test_a_model_learns_what_chords_there_are(tmp_path: Path) -> None:
    overrides = [
        "trainer.epochs=8",
        "optimizer.lr=0.02",
        "model.width=12",
        "model.lowest=28",
        "model.highest=52",
    ]
    recipe = tiny(tmp_path, *overrides, "trainer.average=0.0", "model.dropout=0.0")
    learning = task(recipe)
    loop.fit(learning, recipe, tmp_path / "run", quiet=True)
    # Three chords, equally likely: log 3 is the least. Which of 88 keys sound, predicted blindly, costs about 13.
    score = load_roll_model(tmp_path / "run" / "best.safetensors").score(learning.data.dev["dev"])
    assert np.log(3) < score.nats["rest"] < 7


# --- a whole run


def test_the_recipes_of_the_benchmark_are_there() -> None:
    assert {"jsb_chorales", "nottingham", "musedata", "piano_midi"} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_a_step(name: str, tmp_path: Path) -> None:
    overrides = ["trainer.batch_characters=1000"]
    recipe = tiny(tmp_path, *overrides, name=name)
    run = training_run.train(recipe, overrides, command=f"speechgru train {name}", quiet=True)
    report = json.loads((run.folder / "report.json").read_text())
    assert list(report["scores"]) == ["dev", "test"]
    assert 0 < report["scores"]["test"]["nats_per_step"] < 88 * np.log(2)
    (use,) = report["corpora"]
    assert use["steps"] == 129 and use["licence"] and use["source"]
    text = (run.folder / "report.md").read_text()
    assert "| nats per step |" in text and "| corpus | steps | licence | source |" in text
    assert len((run.folder / "pieces" / "test.txt").read_text().splitlines()) == 3
    assert load_recipe(run.folder / "recipe.yaml") == recipe
    header = checkpoint.load(run.model).header
    assert header["provenance"]["trained_steps"] == 129
    facts = asdict(plugins.find("music.corpora", use["name"]).FACTS)
    assert header["corpus"]["sources"] == [{"name": use["name"], "path": "music/poly_music", "facts": facts}]
    assert receipt.read(run.folder).score == pytest.approx(report["scores"]["dev"]["nats_per_step"], rel=1e-6)


def test_own_pieces_in_four_voices_can_be_sung_so(tmp_path: Path) -> None:
    parts = np.array([[72, 67, 64, 48], [71, 67, 62, 43], [72, 67, 64, 48]], dtype=np.int16)
    for number in range(6):
        midi.write(tmp_path / "data" / f"{number}.mid", from_parts(parts - number, 1))
    recipe = tiny(tmp_path, "corpus.sources=[{name: own_midi}]")
    learning = task(recipe)
    learning.save(tmp_path / "own.safetensors", {})
    composer = load_composer(tmp_path / "own.safetensors")
    assert isinstance(composer, RollComposer) and composer.facts == CorpusFacts(4, voices=4)
    chorale = harmonize(composer, primer.parse("C5 D5"), Request(), particles=2)
    assert chorale.voices == [0, 1, 2, 3]


def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["trainer.epochs=2", "trainer.average=0.9", "music.chunk=12", "music.run_in=5"]
    settings.append("augment.pitch=[-1.0,0.0,2.0]")
    expected = checkpoint.load(training_run.train(tiny(tmp_path / "whole", *settings), quiet=True).model)
    recipe, loss = tiny(tmp_path / "part", *settings), Task.loss

    def interrupted_loss(self: Any, batch: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return loss(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Task, "loss", interrupted_loss)
        with pytest.raises(loop.Interrupted):
            training_run.train(recipe, quiet=True)
    found = checkpoint.load(training_run.train(recipe, quiet=True, resume=True).model)
    assert all(found.tensors[name].equal(tensor) for name, tensor in expected.tensors.items())


def test_a_run_can_start_from_another(tmp_path: Path) -> None:
    first = training_run.train(tiny(tmp_path), quiet=True)
    second = task(tiny(tmp_path, f"trainer.start={first.model}"))
    stored = checkpoint.load(first.model).tensors
    assert all(torch.equal(stored[name], tensor) for name, tensor in second.model.state_dict().items())
    assert second.provenance["started_from"]["recipe"] == "jsb_chorales"


def test_files_that_are_no_models_of_rolls(tmp_path: Path) -> None:
    learning = task(tiny(tmp_path))
    learning.save(tmp_path / "fine.safetensors", {})
    assert load_roll_model(tmp_path / "fine.safetensors").header.model.name == "biaxial"
    stored = checkpoint.load(tmp_path / "fine.safetensors")
    checkpoint.save(tmp_path / "speech.safetensors", "acoustic", stored.header, stored.tensors)
    with pytest.raises(CheckpointError, match="of kind 'acoustic'; expected 'roll'"):
        load_roll_model(tmp_path / "speech.safetensors")
    for model in ({}, {"name": "biaxial", "settings": {"width": "wide"}}, {"name": "nets", "settings": {}}):
        checkpoint.save(tmp_path / "odd.safetensors", "roll", {"model": model}, stored.tensors)
        with pytest.raises(
            CheckpointError, match=r"odd\.safetensors has a damaged header that fits no model"
        ):
            load_roll_model(tmp_path / "odd.safetensors")


def test_the_score_does_not_depend_on_how_much_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = task(tiny(tmp_path))
    found = list(chain(learning.data.train, learning.data.dev["dev"]))
    model = RollModel(learning.model)
    once = model.score(found)
    monkeypatch.setattr("speechgru.music.models.roll_model.AT_ONCE", 256 + 13)
    again = model.score(found)
    assert [p.id for p in once.pieces] == [p.id for p in again.pieces] == [p.id for p in found]
    for a, b in zip(once.pieces, again.pieces):
        assert (a.first, a.rest) == pytest.approx((b.first, b.rest), rel=1e-5)


def test_another_model_has_its_own_settings() -> None:
    """`model=roll` on a recipe of the other model of rolls: that one's sizes are none of its business."""
    recipe = load_recipe("jsb_chorales", ["model=roll", "model.output=independent"])
    assert recipe.model == {"name": "roll", **asdict(roll.Settings(output="independent"))}
    same = load_recipe("jsb_chorales", ["model=biaxial"])
    assert same.model == load_recipe("jsb_chorales").model and same.model["dropout"] == 0.5
