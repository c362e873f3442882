"""--multirun: which combinations there are, that each is the run it would be alone, and that one failure is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import replicas

from speechgru import cli
from speechgru.errors import ConfigError, TrainingError, UsageError
from speechgru.training import loop, run
from speechgru.training.search import grid

pytestmark = pytest.mark.usefixtures("log_levels", "hears_ctrl_c")


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    return replicas.digits(tmp_path, "out")


# --- combinations


def test_every_combination_the_first_slowest() -> None:
    chosen = grid.variants("digits", ["optimizer.lr=1e-3,3e-3", "model.layers=range(2,4)", "seed=7"])
    assert [v.name for v in chosen] == [
        "optimizer.lr=0.001,model.layers=2",
        "optimizer.lr=0.001,model.layers=3",
        "optimizer.lr=0.003,model.layers=2",
        "optimizer.lr=0.003,model.layers=3",
    ]
    assert [(v.recipe.optimizer.lr, v.recipe.model["layers"]) for v in chosen] == [
        (0.001, 2), (0.001, 3), (0.003, 2), (0.003, 3)
    ]  # fmt: skip
    assert {v.recipe.seed for v in chosen} == {7}
    assert [v.folder for v in chosen] == [Path("runs/digits/multirun") / v.name for v in chosen]
    # What is decoded is kept where the recipe's other runs keep it.
    assert {v.recipe.audio_cache() for v in chosen} == {Path("runs/audio-cache")}


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ("schedule=cosine,linear", ["cosine", "linear"]),
        ("schedule='cosine',linear", ["cosine", "linear"]),
        ("schedule=choice(cosine,linear)", ["cosine", "linear"]),
        ("augment.speed=[1],[0.9,1.1]", ["[1]", "[0.9,1.1]"]),
        ("trainer.tensorboard=true,false", ["True", "False"]),
        ("trainer.start=choice(a b,'c,d')", ["a b", "c,d"]),
        ("seed=1,2,1", ["1", "2"]),
        ("model.dropout=range(0.25,1,step=0.25)", ["0.25", "0.5", "0.75"]),
    ],
)
def test_values_in_hydras_grammar(override: str, values: list[str]) -> None:
    chosen = grid.variants("digits", [override])
    assert [next(iter(v.values.values())) for v in chosen] == values
    assert len({v.folder for v in chosen}) == len(values)
    assert all("/" not in v.name and " " not in v.name for v in chosen)


def test_long_names_are_cut_and_stay_apart() -> None:
    texts = [f"{'x' * 200}{i}" for i in range(2)]
    names = [v.name for v in grid.variants("digits", [f"trainer.start=choice({','.join(texts)})"])]
    assert len(set(names)) == 2 and all(len(name) < 120 for name in names)


@pytest.mark.parametrize(
    ("overrides", "error", "expected"),
    [
        (["optimizer.lr=0.1"], UsageError, "wants a setting with several values"),
        (["corpus.root=/a,/b"], UsageError, "wants a setting with several values"),
        (["model.layers=1,two"], ConfigError, "model.layers is 'two'; expected a whole number"),
        (["schedule=cosine,linar"], ConfigError, "Unknown choice of schedule: 'linar'"),
        (["optimizer.lr=interval(0.1,1)"], ConfigError, r"has no list of values.*is for speechgru tune"),
        (["schedule=glob(*)"], ConfigError, "has no list of values"),
        (["seed=1,2", "seed=3"], ConfigError, "stands beside several values of the same setting"),
        (["seed=1,2", "seed=3,4"], ConfigError, "seed is given twice"),
        (["optimizer.lr=[1,2"], ConfigError, "can't be read"),
    ],
)
def test_what_is_refused_before_anything_trains(
    overrides: list[str], error: type[Exception], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        grid.variants("digits", overrides)


# --- training


@pytest.mark.slow
def test_each_is_the_run_it_would_be_alone_and_one_failure_is_one(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, seen = run.train, []

    def sometimes(recipe: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(recipe.optimizer.lr)
        if recipe.optimizer.lr == 0.002 and seen.count(0.002) == 1:
            raise TrainingError("The loss is nan in step 1.")
        return train(recipe, *args, **kwargs)

    monkeypatch.setattr(run, "train", sometimes)
    given = ["train", *arguments, "optimizer.lr=0.001,0.002,0.004", "--multirun", "--quiet"]
    assert cli.main(given) == 1
    captured = capsys.readouterr()
    assert seen == [0.001, 0.002, 0.004], "the others go on"
    assert "error: optimizer.lr=0.002 failed: The loss is nan in step 1." in captured.err
    assert "| 0.002 | failed: The loss is nan in step 1. |" in captured.out
    home = tmp_path / "out" / "multirun"
    assert (home / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert captured.out.strip().splitlines()[-1] == f"table: {home / 'multirun.md'}"
    assert (
        "| optimizer.lr | dev score | epoch | dev | test | training s |" in (home / "multirun.md").read_text()
    )

    assert cli.main(given) == 1 and "already holds a run. Go on with --resume" in capsys.readouterr().err
    assert cli.main([*given, "--resume"]) == 0
    assert seen[3:] == [0.002], "what is finished is passed over"
    table = json.loads((home / "multirun.json").read_text())
    assert sorted(row["values"]["optimizer.lr"] for row in table["runs"]) == ["0.001", "0.002", "0.004"]
    assert all(set(row["scores"]) == {"dev", "test"} and not row["error"] for row in table["runs"])
    scores = [row["score"] for row in table["runs"]]
    assert scores == sorted(scores)

    alone = [*arguments, "optimizer.lr=0.004", f"output={tmp_path / 'alone'}"]
    assert cli.main(["train", *alone, "--quiet"]) == 0
    ours, theirs = (
        json.loads((f / "receipt.json").read_text())
        for f in (home / "optimizer.lr=0.004", tmp_path / "alone")
    )
    assert {k: ours[k] for k in ("weights", "settings", "data")} == {
        k: theirs[k] for k in ("weights", "settings", "data")
    }
    capsys.readouterr()

    # The same names with another setting beside them are other runs.
    assert cli.main([*given, "trainer.clip=1", "--resume"]) == 1
    assert capsys.readouterr().err.count("holds a run with other settings") >= 3


def test_ctrl_c_says_how_to_go_on(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise loop.Interrupted

    monkeypatch.setattr(run, "train", stopped)
    assert cli.main(["train", *arguments, "seed=1,2", "--multirun"]) == 130
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith("Stopped; what is finished stays so. Go on with: speechgru train digits ")
    assert err.endswith("seed=1,2 --multirun --resume")


@pytest.mark.parametrize("option", ["--show", "--dry-run"])
def test_it_only_trains(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "digits", "seed=1,2", "--multirun", option]) == 2
    assert "--multirun trains" in capsys.readouterr().err


def test_not_under_torchrun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert cli.main(["train", "digits", "seed=1,2", "--multirun"]) == 2
    assert "runs in one process" in capsys.readouterr().err
    assert cli.main(["tune", "digits"]) == 2
    assert "without torchrun" in capsys.readouterr().err
