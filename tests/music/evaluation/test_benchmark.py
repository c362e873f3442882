"""speechgru music evaluate: the table, near-duplicates, seeds, and models that can't be scored."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import music_sets
import numpy as np
import pytest
import torch

from speechgru.cli import main
from speechgru.config import load_recipe
from speechgru.errors import CheckpointError, ConfigError
from speechgru.music.corpora import jsb_chorales, nottingham
from speechgru.music.evaluation import benchmark
from speechgru.music.evaluation.near_duplicates import OPENING, near_duplicates, opening
from speechgru.music.files.piece import Piece
from speechgru.music.models.likelihood import PieceScore
from speechgru.music.models.scores import RollScore
from speechgru.music.training.roll_task import Task, prepare
from speechgru.training import TaskContext

# --- near-duplicates


def test_an_opening_is_the_tune_on_top_in_any_key() -> None:
    roll = music_sets.rolls([40], 1)[0]
    other = roll.copy()
    for step in other:  # all but the top of each step
        step[np.flatnonzero(step)[:-1]] = 0
    other[OPENING + 3 :] = 0
    assert opening(roll) == opening(np.roll(roll, 5, axis=1)) == opening(other)
    assert opening(roll[: OPENING - 1]) is None
    assert opening(np.zeros((40, 88), dtype=np.uint8)) is None
    changed = roll.copy()
    changed[OPENING - 1] = np.roll(changed[OPENING - 1], 1)
    assert opening(changed) != opening(roll)
    late = np.concatenate([np.zeros((2, 88), dtype=np.uint8), roll])
    assert opening(late) == opening(np.roll(late, -4, axis=1)) != opening(roll)


def test_near_duplicates_are_named() -> None:
    rolls = music_sets.rolls([30, 30, 30, 10], 4)
    train = [Piece("train", 1, np.roll(rolls[1], 7, axis=1)), Piece("short", 1, rolls[3])]
    tests = [Piece(f"test/{i}", 1, roll) for i, roll in enumerate(rolls)]
    assert near_duplicates(tests, of=train) == ["test/1"]


@pytest.mark.parametrize(("corpus", "count", "pieces"), [(jsb_chorales, 23, 77), (nottingham, 6, 170)])
def test_the_benchmark_repeats_itself(corpus: Any, count: int, pieces: int, data_root: Path) -> None:
    splits = corpus.prepare(data_root / "music")
    assert len(splits["test"]) == pieces
    assert len(near_duplicates(splits["test"], of=splits["train"])) == count


# --- scores


def test_intervals_are_over_pieces() -> None:
    same = RollScore(tuple(PieceScore(str(i), 2.0, 9.0, 4) for i in range(20)))
    assert same.intervals["rest"] == pytest.approx((3, 3))
    mixed = RollScore(tuple(PieceScore(str(i), 2.0, 9.0 + i, 4) for i in range(20)))
    low, high = mixed.intervals["rest"]
    assert low < mixed.nats["rest"] < high < mixed.nats["rest"] + 2
    one = RollScore(same.pieces[:1])
    assert all(math.isnan(end) for end in one.intervals["rest"]) and one.cells()["95 % interval"] == "none"
    single = RollScore((PieceScore("a", 2.0, 0.0, 1),))
    assert math.isnan(single.nats["rest"]) and single.nats["all"] == 2
    assert single.cells()["nats per step"] == "undefined"


# --- the command


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(tmp_path, "one.safetensors")


def save(folder: Path, name: str, seed: int = 1, *overrides: str) -> Path:
    """An untrained model of the made-up chorales below `folder`."""
    music_sets.write(folder)
    given = [f"corpus.root={folder}", "model.width=5", "model.key_width=4", f"seed={seed}", *overrides]
    recipe = load_recipe("jsb_chorales", given)
    task = Task(TaskContext(recipe, prepare(recipe), torch.device("cpu"), {"seed": seed}))
    task.save(folder / name, {})
    return folder / name


def test_a_model_is_scored_on_the_test_pieces_of_its_corpus(model: Path, tmp_path: Path) -> None:
    entry = benchmark.evaluate(model, tmp_path)
    assert (entry.corpus, entry.model, entry.seed) == ("jsb_chorales", "biaxial, chain", 1)
    assert [p.id for p in entry.all.pieces] == ["test/0", "test/1", "test/2"]
    assert [p.id for p in entry.fresh.pieces] == ["test/1", "test/2"]
    rest = [p.rest for p in entry.fresh.pieces]
    assert entry.fresh.nats["rest"] == pytest.approx(sum(rest) / (27 + 44))


def test_the_table(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = save(tmp_path, "two.safetensors", 2)
    third = save(tmp_path, "three.safetensors", 3, "model.output=independent", "model.echo=false")
    paths = [str(path) for path in (model, other, third)]
    assert main(["music", "evaluate", *paths, "--data", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "biaxial, chain, no echo" not in printed and "biaxial, independent, no echo" in printed
    (mean,) = (line for line in printed.splitlines() if "mean of 2" in line and "all" in line)
    entries = [benchmark.evaluate(path, tmp_path) for path in paths[:2]]
    nats = [entry.all.nats["rest"] for entry in entries]
    assert f"{np.mean(nats):.3f} ± {np.std(nats, ddof=1):.3f}" in mean
    assert "TCN (Bai et al. 2018)" in printed and "8.10" in printed and "2.31" not in printed

    assert main(["music", "evaluate", paths[0], "--data", str(tmp_path), "--format", "markdown"]) == 0
    assert "| model | seed | test pieces | nats per step |" in capsys.readouterr().out
    assert main(["music", "evaluate", paths[0], "--data", str(tmp_path), "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["test"]["nats_rest"] == pytest.approx(nats[0], rel=1e-5)
    assert set(found["fresh"]["by_piece"]) == {"test/1", "test/2"}


def test_the_data_may_be_named_by_the_environment(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHGRU_DATA", str(tmp_path))
    assert benchmark.evaluate(model).all.steps == 113
    monkeypatch.delenv("SPEECHGRU_DATA")
    with pytest.raises(ConfigError, match="pass --data FOLDER or set SPEECHGRU_DATA"):
        benchmark.evaluate(model)


def test_a_model_that_cannot_be_scored_does_not_stop_the_others(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.safetensors"
    assert main(["music", "evaluate", str(missing), str(model), "--data", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "missing.safetensors does not exist" in said.err and "biaxial, chain" in said.out
    assert main(["music", "evaluate", str(model), "--data", str(missing)]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_a_model_that_does_not_say_what_tests_it(tmp_path: Path) -> None:
    from speechgru.models import checkpoint

    stored = checkpoint.load(save(tmp_path, "one.safetensors"))
    for corpus, says in (
        (None, "corpus is null"),
        ({"sources": [{}]}, r"corpus.sources\[0\].name is missing"),
        ({"sources": ["jsb_chorales"]}, r"corpus.sources\[0\] is 'jsb_chorales'"),
    ):
        header = {**stored.header, "corpus": corpus}
        checkpoint.save(tmp_path / "odd.safetensors", "roll", header, stored.tensors)
        with pytest.raises(CheckpointError, match=says):
            benchmark.evaluate(tmp_path / "odd.safetensors", tmp_path)
    header = {key: value for key, value in stored.header.items() if key != "corpus"}
    checkpoint.save(tmp_path / "odd.safetensors", "roll", header, stored.tensors)
    with pytest.raises(CheckpointError, match="doesn't say which pieces test it"):
        benchmark.evaluate(tmp_path / "odd.safetensors", tmp_path)
