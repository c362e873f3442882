"""The one command behind the packaged recognizer: its steps fit together, and it goes on where it stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import scripts
from scripts import ROOT

from speechgru.config import load_recipe
from speechgru.tasks.ctc_settings import CtcConfig

script = scripts.load("tools/release/make_default_model.py")


def test_each_training_composes_and_starts_from_the_one_before(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    made = []
    for step in script.trainings(tmp_path / "data", folders):
        recipe, *overrides = step.command[step.command.index("train") + 1 :]
        made.append(load_recipe(recipe, overrides))
        assert not step.skip
    assert [recipe.output for recipe in made] == [str(folder) for folder in folders]
    assert [recipe.trainer.start for recipe in made] == ["", *(f"{f}/best.safetensors" for f in folders[:2])]
    assert [recipe.task_settings(CtcConfig).pronunciations for recipe in made] == [
        "start",
        "start",
        "english",
    ]
    assert len({recipe.seed for recipe in made}) == 1


def test_what_is_done_is_skipped_and_what_was_stopped_is_resumed(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders[:2]:
        folder.mkdir()
        (folder / "last.pt").touch()
    (folders[0] / "report.json").touch()
    steps = list(script.trainings(tmp_path / "data", folders))
    assert [step.skip for step in steps] == [True, False, False]
    assert ["--resume" in step.command for step in steps[1:]] == [True, False]


def test_the_scripts_know_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "make_default_model.py",
        "--data",
        "my data",
        "--output",
        str(tmp_path),
        "--release",
        "--dry-run",
    ]
    monkeypatch.setattr(sys, "argv", command)
    assert script.main() == 0
    lines = capsys.readouterr().out.splitlines()
    called = [line.partition(f"{ROOT}/{top}/") for line in lines for top in ("tools", "benchmarks")]
    called = [found for found in called if found[1]]
    assert len(lines) == 9 and len(called) == 2 and not list(tmp_path.iterdir())
    for _, folder, rest in called:
        words = rest.split()
        source = Path(folder, words[0]).read_text(encoding="utf-8")
        assert all(f'"{word.partition("=")[0]}"' in source for word in words if word.startswith("--"))


def test_a_step_that_fails_is_named(tmp_path: Path) -> None:
    step = script.Step((sys.executable, "-c", "print('half'); raise SystemExit(3)"), tmp_path / "out.json")
    with pytest.raises(script.SpeechGruError, match=r"ended with code 3: .* > .*out\.json"):
        step.run(tmp_path)
    assert not (tmp_path / "out.json").exists()
    script.Step((sys.executable, "-c", "print('whole')"), tmp_path / "out.json").run(tmp_path)
    assert (tmp_path / "out.json").read_text() == "whole\n"
