"""The search for settings: what is drawn, what is ended early, what a stop loses (nothing), and what is said of it."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
import replicas
from hypothesis import given
from hypothesis import strategies as st

from speechgru import cli
from speechgru.config import Recipe, compose, load_recipe, sweep
from speechgru.config.compose import to_yaml
from speechgru.config.recipe import RangeConfig
from speechgru.errors import ConfigError, TrainingError
from speechgru.tasks import ctc
from speechgru.training import loop, run
from speechgru.training.search import draw, report, study
from speechgru.training.search.study import Search

pytestmark = pytest.mark.usefixtures("log_levels", "hears_ctrl_c")
RANGES = {
    "optimizer.lr": RangeConfig(0.0001, 0.1, log=True),
    "model.layers": RangeConfig(1, 4),
    "schedule": RangeConfig(choices=["cosine", "linear"]),
}
SMALL = [
    *("model.width=16", "model.channels=2", "features.n_mels=16", "model.dropout=0.1"),
    *("trainer.batch_seconds=1.5", "trainer.epochs=2", "optimizer.weight_decay=0.1"),
    *("trainer.tensorboard=false", "trainer.device=cpu", "trainer.precision=float32"),
]


def valley(recipe: Recipe, epoch: int) -> float:
    """A dev score that only the learning rate decides, least at 0.003."""
    return 1 / epoch + math.log10(recipe.optimizer.lr / 0.003) ** 2


class Trainings:
    """What stands for runs.train: scores are known, nothing is learnt."""

    def __init__(self, score: Callable[[Recipe, int], float] = valley, stop_in: int | None = None) -> None:
        self.score, self.stop_in, self.recipes = score, stop_in, list[Recipe]()

    def __call__(
        self, recipe: Recipe, overrides: Any, *, on_evaluation: Any, resume: bool, trial: bool, **_: Any
    ) -> run.Run:
        assert trial
        folder = Path(recipe.output)
        folder.mkdir(parents=True, exist_ok=True)
        assert resume == (folder / loop.STATE).exists()
        (folder / loop.STATE).touch()
        self.recipes.append(recipe)
        if self.stop_in == len(self.recipes):
            raise loop.Interrupted
        scores = []
        for epoch in range(1, recipe.trainer.epochs + 1):
            scores.append(self.score(recipe, epoch))
            on_evaluation({"epoch": epoch, "score": scores[-1]})
        return run.Run(folder, folder / run.BEST, {}, min(scores))


def search(folder: Path, ranges: Mapping[str, RangeConfig] = RANGES, *overrides: str, **given: Any) -> Search:
    return Search("digits", (*SMALL, *overrides), ranges, folder, **given)


def go(
    one: Search, trials: int, monkeypatch: pytest.MonkeyPatch, trainings: Trainings, resume: bool = False
) -> list[study.Trial]:
    monkeypatch.setattr(run, "train", trainings)
    study.begin(one, resume=resume)
    study.work(one, study.tickets(one.folder, trials))
    return study.results(one)


# --- ranges


@pytest.fixture(scope="module")
def digits() -> Recipe:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return load_recipe("digits")


@given(st.data())
def test_what_is_drawn_lies_in_its_range(digits: Recipe, data: st.DataObject) -> None:
    low = data.draw(st.floats(1e-6, 10))
    high = low * data.draw(st.floats(1.001, 1e4))
    ranges = {
        "optimizer.lr": RangeConfig(low, high, log=data.draw(st.booleans())),
        "model.layers": RangeConfig(1, 4),
        "schedule": RangeConfig(choices=["cosine", "linear"]),
    }
    trial = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=data.draw(st.integers(0, 99)))
    ).ask()
    drawn = draw.settings(trial, ranges, digits)
    assert low <= float(drawn["optimizer.lr"]) <= high
    assert drawn["model.layers"] in {"1", "2", "3", "4"}
    assert drawn["schedule"] in {"cosine", "linear"}
    assert draw.settings(optuna.trial.FixedTrial(trial.params), ranges, digits) == drawn


@pytest.mark.parametrize("value", [[1.0], [0.9, 1.1], True, None, 3, 0.25, "cosine"])
def test_a_choice_is_written_as_an_override_takes_it(digits: Recipe, value: Any) -> None:
    span = RangeConfig(choices=[value])
    written = draw.settings(optuna.trial.FixedTrial({"x": draw.text(value)}), {"x": span}, digits)["x"]
    override = compose.parsed("x", written)
    assert not override.is_sweep_override() and override.value() == value


def test_the_recipe_itself_is_a_point_of_its_ranges() -> None:
    recipe = load_recipe("digits")
    assert draw.start(RANGES, recipe) == {"optimizer.lr": 0.002, "model.layers": 2, "schedule": "cosine"}
    assert draw.start({"optimizer.lr": RangeConfig(0.01, 0.1)}, recipe) is None
    assert draw.start({"schedule": RangeConfig(choices=["noam", "linear"])}, recipe) is None


@pytest.mark.parametrize("name", ["digits", "english-small", "commands", "own-ctc"])
def test_recipes_declare_ranges_around_what_they_say(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.tune.ranges and draw.start(recipe.tune.ranges, recipe) is not None


def _recipe(folder: Path, tune: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(
        "defaults: [features: log_mel, model: acoustic, decoder: greedy, _self_]\n" + f"tune: {tune}\n"
    )
    return folder


@pytest.mark.parametrize(
    ("tune", "expected"),
    [
        (
            "{ranges: {optimizer.lrr: {low: 1, high: 2}}}",
            "'optimizer.lrr': Unknown key in optimizer: 'lrr'. Did you",
        ),
        (
            "{ranges: {model.layer: {choices: [1, 2]}}}",
            "'model.layer': Unknown key in model: 'layer'. Did you mean",
        ),
        ("{ranges: {model.layers: {low: 1, high: 2.5}}}", "model.layers is 2.5; expected a whole number."),
        ("{ranges: {model.layers: {choices: [1, two]}}}", "model.layers is 'two'; expected a whole number."),
        (
            "{ranges: {schedule: {choices: [cosine, linar]}}}",
            "Unknown choice of schedule: 'linar'. Did you mean",
        ),
        ("{ranges: {schedule: {low: 1, high: 2}}}", "Unknown choice of schedule: '1'"),
        ("{ranges: {model.dropout: {low: 0.1, high: 1.5}}}", "'model.dropout': "),
        (
            "{ranges: {optimizer.lr: {low: 0.1}}}",
            "tune.ranges.optimizer.lr: expected low and high, or choices",
        ),
        ("{ranges: {optimizer.lr: {low: 2, high: 1}}}", "low is 2, high is 1; expected low below high"),
        ("{ranges: {optimizer.lr: {low: 0, high: 1, log: true}}}", "log wants a low above 0; got 0"),
        ("{ranges: {optimizer.lr: {low: 1, high: 2, choices: [3]}}}", "expected low and high, or choices"),
        (
            "{ranges: {optimizer.lr: {lo: 1}}}",
            "Unknown key in tune.ranges.optimizer.lr: 'lo'. Did you mean 'low'",
        ),
        ("{ranges: {output: {choices: [a, b]}}}", "'output'; expected a setting that shapes the training"),
        ("{trials: 0}", "tune.trials is 0; expected above 0"),
        ("{pruner: medium}", "Unknown value of tune.pruner: 'medium'. Did you mean 'median'"),
        ("{range: {}}", "Unknown key in tune: 'range'. Did you mean 'ranges'"),
    ],
)
def test_a_wrong_range_is_refused_by_name(tmp_path: Path, tune: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe(_recipe(tmp_path, tune))
    assert expected in str(caught.value)


def test_the_section_survives_a_round_trip_and_is_no_part_of_a_run(tmp_path: Path) -> None:
    tuned = load_recipe(_recipe(tmp_path, "{ranges: {optimizer.lr: {low: 1e-4, high: 1e-2, log: true}}}"))
    assert tuned.tune.ranges == {"optimizer.lr": RangeConfig(1e-4, 1e-2, log=True)}
    (tmp_path / "again.yaml").write_text(to_yaml(tuned))
    assert load_recipe(tmp_path / "again.yaml").tune == tuned.tune
    plain = load_recipe(_recipe(tmp_path, "{}"))
    assert plain.tune != tuned.tune and run.shaping(plain) == run.shaping(tuned)
    kept = load_recipe(tmp_path, ["trainer.keep=3", "corpus.cache_folder=/x"])
    assert run.shaping(kept) == run.shaping(plain)


def test_ranges_of_the_command_line() -> None:
    given_ = [
        *(
            "optimizer.lr=tag(log,interval(1e-4,1e-2))",
            "model.dropout=interval(0,0.5)",
            "model.layers=range(1,4)",
        ),
        *("schedule=cosine,linear", "corpus.root=/a,b", "trainer.epochs=3"),
    ]
    single, several = sweep.parted(given_)
    assert single == ["corpus.root=/a,b", "trainer.epochs=3"]
    assert sweep.spans(several) == {
        "optimizer.lr": RangeConfig(1e-4, 1e-2, log=True),
        "model.dropout": RangeConfig(0, 0.5),
        "model.layers": RangeConfig(choices=["1", "2", "3"]),
        "schedule": RangeConfig(choices=["cosine", "linear"]),
    }
    with pytest.raises(ConfigError, match=r"interval\(2,1\): low is 2, high is 1"):
        sweep.span(sweep.parted(["optimizer.lr=interval(2,1)"])[1]["optimizer.lr"])


# --- searching


@pytest.mark.slow
def test_it_finds_the_valley(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainings = Trainings()
    one = search(tmp_path / "s", RANGES, "optimizer.lr=0.05")
    trials = go(one, 16, monkeypatch, trainings)
    best = study.best(trials)
    assert best is not None and best is trials[0]
    assert best.score < 0.6 < valley(trainings.recipes[0], 2)
    assert {t.state for t in trials} <= {"complete", "pruned"} and len(trials) == 16
    # The first is the recipe as it is; each has a folder of its own, and leaves no state behind.
    assert trainings.recipes[0].optimizer.lr == 0.05 and trainings.recipes[0].model["layers"] == 2
    assert len({r.output for r in trainings.recipes}) == 16
    assert not list(tmp_path.glob("s/*/last.pt"))
    assert {r.corpus.cache_folder for r in trainings.recipes} == {str(Path("runs/audio-cache"))}

    shares = report.importances(one.folder)
    assert max(shares, key=lambda key: shares[key]) == "optimizer.lr"
    written = report.write(one, trials)
    assert [p.name for p in written] == ["tune.md", "tune.png"]
    text = (tmp_path / "s" / "tune.md").read_text()
    assert text.count("\n| ") > 16 and report.command(one, best) in text and "output=" not in text
    assert f"optimizer.lr={best.values['optimizer.lr']}" in text and "| optimizer.lr |" in text


def drawn(trainings: Trainings) -> list[tuple[str, float, int, str]]:
    return [
        (Path(r.output).name, r.optimizer.lr, r.model["layers"], r.schedule.name) for r in trainings.recipes
    ]


@pytest.mark.slow
def test_a_resumed_search_is_the_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut, rest = Trainings(), Trainings(stop_in=5), Trainings()
    expected = go(search(tmp_path / "whole"), 8, monkeypatch, whole)
    with pytest.raises(loop.Interrupted):
        go(search(tmp_path / "cut"), 8, monkeypatch, cut)
    assert [t.state for t in study.results(search(tmp_path / "cut"))].count("unfinished") == 1
    found = go(search(tmp_path / "cut"), 8, monkeypatch, rest, resume=True)
    assert drawn(cut) + drawn(rest)[1:] == drawn(whole)
    assert drawn(rest)[0] == drawn(cut)[-1], "the one that was interrupted goes on"
    assert found == expected
    more = Trainings()
    assert len(go(search(tmp_path / "cut"), 9, monkeypatch, more, resume=True)) == 9
    assert len(more.recipes) == 1
    other = Trainings()
    go(search(tmp_path / "seed", seed=1), 4, monkeypatch, other)
    assert drawn(other)[0] == drawn(whole)[0] and drawn(other)[1:] != drawn(whole)[1:4]


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["median", "halving", "none"])
def test_bad_trials_are_ended_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pruner: str) -> None:
    given_ = [f"tune.pruner={pruner}", "trainer.epochs=9"]
    trials = go(search(tmp_path, RANGES, *given_), 12, monkeypatch, Trainings())
    pruned = [t for t in trials if t.state == "pruned"]
    assert bool(pruned) == (pruner != "none")
    assert all(t.epochs < 9 and t.score is not None for t in pruned)
    if pruner == "median":
        assert min(t.epochs for t in pruned) >= 3, "no score of the first third counts"
    assert all(t.epochs == 9 for t in trials if t.state == "complete")


def test_a_trial_that_fails_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def score(recipe: Recipe, epoch: int) -> float:
        if recipe.schedule.name == "linear":
            raise TrainingError("The loss is nan in step 7")
        return valley(recipe, epoch)

    one = search(tmp_path)
    trials = go(one, 7, monkeypatch, Trainings(score))
    failed = [t for t in trials if t.state == "failed"]
    assert 0 < len(failed) < 7 and trials[-1] is failed[-1]
    assert {t.failure for t in failed} == {"The loss is nan in step 7"}
    report.write(one, trials)
    assert f"| {failed[0].number} | The loss is nan in step 7 |" in (tmp_path / "tune.md").read_text()


def test_when_time_is_up_the_trial_can_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])

    def score(recipe: Recipe, epoch: int) -> float:
        now[0] += 1
        return valley(recipe, epoch)

    with pytest.raises(study.OutOfTimeError):
        go(search(tmp_path, RANGES, "trainer.epochs=4", until=1005.5), 10, monkeypatch, Trainings(score))
    states = {t.number: (t.state, t.epochs) for t in study.results(search(tmp_path))}
    assert states == {0: ("complete", 4), 1: ("unfinished", 2)}
    assert (tmp_path / "trial-001" / loop.STATE).exists()


def test_what_does_not_belong_together_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match=r"nothing to resume: .*study\.db does not exist"):
        study.begin(search(tmp_path), resume=True)
    go(search(tmp_path), 1, monkeypatch, Trainings())
    with pytest.raises(TrainingError, match=r"already holds a search. Go on with --resume"):
        study.begin(search(tmp_path), resume=False)
    for other in (
        search(tmp_path, {"optimizer.lr": RangeConfig(0.1, 0.2)}),
        search(tmp_path, RANGES, "trainer.clip=1"),
        search(tmp_path, seed=3),
    ):
        with pytest.raises(TrainingError, match="other settings, ranges or seed"):
            study.begin(other, resume=True)
    study.begin(search(tmp_path, threads=3, until=5.0), resume=True)
    (tmp_path / "study.db").write_bytes(b"no database at all" * 99)
    with pytest.raises(TrainingError, match=r"study\.db is damaged or no study"):
        study.begin(search(tmp_path), resume=True)


# --- as it is typed


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    given_ = ["digits", *SMALL, f"corpus.root={tmp_path / 'data'}", f"output={tmp_path / 'out'}"]
    replicas.build(load_recipe("digits", given_[1:]), tmp_path / "data")
    return [*given_, "model.layers=1", "trainer.batch_seconds=1.5", "optimizer.lr=interval(1e-3,1e-2)"]


def test_tune_as_it_is_typed(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctc, "evaluate", lambda *_, **__: pytest.fail("a set was scored"))
    assert cli.main(["tune", *arguments, "--trials", "2"]) == 0
    captured = capsys.readouterr()
    assert "WER" not in captured.out and "best: trial " in captured.out
    command = captured.out.splitlines()[-1]
    assert command.startswith("speechgru train digits model.width=16 ") and "optimizer.lr=0.00" in command
    for number in (0, 1):
        made = json.loads((tmp_path / "out" / f"trial-{number:03d}" / "report.json").read_text())
        assert made["scores"] == {} and len(made["history"]) == 2
    assert (tmp_path / "out" / "tune.md").is_file()

    assert cli.main(["tune", *arguments, "--trials", "2"]) == 1
    assert "already holds a search" in capsys.readouterr().err
    assert cli.main(["tune", *arguments, "--trials", "2", "--resume"]) == 0, "there is nothing left to do"
    assert capsys.readouterr().out.splitlines()[-1] == command


@pytest.mark.slow
def test_two_jobs_share_a_search(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tune", *arguments, "--trials", "4", "--jobs", "2"]) == 0
    found = study.load(tmp_path / "out").trials
    assert sorted(t.number for t in found) == [0, 1, 2, 3]
    assert {t.state.name for t in found} <= {"COMPLETE", "PRUNED"}
    assert len({t.params["optimizer.lr"] for t in found}) == 4
    assert capfd.readouterr().err.count("trial ") == 4


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(arguments: list[str], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "speechgru",
        "tune",
        *arguments,
        "trainer.epochs=40",
        "tune.pruner=none",
    ]
    process = subprocess.Popen(
        [*command, "trainer.evaluate_every=40"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    end = time.monotonic() + 90
    while not (tmp_path / "out" / "trial-001" / loop.STATE).exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "| 0 | " in out and "| unfinished |" in out and "best: trial 0" in out
    assert err.splitlines()[-1].startswith("Stopped; go on with: speechgru tune digits ")
    assert err.rstrip().endswith("--trials 20 --resume") and "Traceback" not in err


@pytest.mark.parametrize(
    ("given_", "code", "expected"),
    [
        (["lm-english"], 2, "nothing to search: lm-english declares no ranges"),
        (["digits", "schedule=cosin,linear"], 2, "Unknown choice of schedule: 'cosin'"),
        (["digits", "optimizer.lr=interval(0.1,9)", "optimizer.lr=1"], 2, "stands beside several values"),
        (["digits", "model.layrs=1,2"], 2, "'model.layrs': Unknown key in model: 'layrs'"),
        (["digits", "--resume"], 1, r"nothing to resume: runs/tune-digits/study.db does not exist"),
        (["digits", "--trials", "0"], 2, "is not a whole number of at least 1"),
    ],
)
def test_what_is_refused(
    given_: list[str],
    code: int,
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["tune", *given_]) == code
    assert expected in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
