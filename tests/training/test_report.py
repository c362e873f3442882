"""report.json, report.md and the learning curve: complete, repeatable, and whole or not at all."""

from __future__ import annotations

import json
import math

import pytest

from speechgru.data import Utterance
from speechgru.evaluation import wer
from speechgru.evaluation.recognition import Evaluation, Failure
from speechgru.training import report
from speechgru.training.report import CorpusUse, Report

HISTORY = [
    {"epoch": 1, "train_loss": 2.5, "dev_wer": 1.0, "blank_rate": 0.99},
    {"epoch": 2, "train_loss": 1.5, "dev_wer": None},
    {"epoch": 3, "train_loss": math.nan, "dev_wer": 0.4},
]


@pytest.fixture
def full(tmp_path):
    score = wer.score(["one two", "three"], ["one too", "three"], ["s", "t"])
    failed = (Failure(Utterance(tmp_path / "gone.wav", 1.0, "x"), "gone.wav is missing"),)
    return Report(
        recipe="digits",
        command="speechgru train digits model.layers=2",
        seed=7,
        overrides=["model.layers=2"],
        commit="abc123",
        epoch=3,
        parameters=1234567,
        evaluations={"test": Evaluation(score, 3600.0, 36.0, (), failed)},
        corpora=[CorpusUse("free_spoken_digits", "CC BY-SA 4.0", "a | b", 0.25)],
        dropped={"train": {"missing audio": 3}},
        training_seconds=125.4,
        device="cpu",
        threads=2,
        history=HISTORY,
    )


def test_json_holds_scores_and_provenance(full, tmp_path):
    report.write_report(tmp_path / "run", full)
    read = json.loads((tmp_path / "run" / "report.json").read_text())
    assert read["scores"]["test"]["wer"] == pytest.approx(1 / 3)
    assert read["scores"]["test"]["real_time_factor"] == 0.01
    assert read["scores"]["test"]["failed"][0]["message"] == "gone.wav is missing"
    assert (read["seed"], read["commit"], read["epoch"], read["overrides"]) == (
        7,
        "abc123",
        3,
        ["model.layers=2"],
    )
    assert read["corpora"][0] == {
        "name": "free_spoken_digits", "licence": "CC BY-SA 4.0", "source": "a | b", "hours": 0.25
    }  # fmt: skip
    assert read["history"][2]["train_loss"] is None
    assert read["history"][0]["blank_rate"] == 0.99
    assert set(read["versions"]) >= {"python", "torch", "torchaudio", "speechgru"}


def test_markdown_says_what_a_reader_asks(full):
    text = report.to_markdown(full)
    for part in (
        *(
            "# digits",
            "| test | 33.33 % |",
            "2 utterances (2 speakers, fewer than 10)",
            "1 / 0 / 0",
            "english-1",
        ),
        *(
            "speechgru train digits model.layers=2",
            "| seed | 7 |",
            "abc123",
            "125 s",
            "1,234,567",
            "| threads | 2 |",
        ),
        *("| free_spoken_digits | 0.25 | CC BY-SA 4.0 | a \\| b |", "| train | missing audio | 3 |"),
    ):
        assert part in text
    assert "png" not in text


def test_tables_have_as_many_cells_as_columns(full):
    for line in report.to_markdown(full).splitlines():
        if line.startswith(("| test", "| set")):
            assert line.count("|") == 11


def test_unknown_facts_are_left_out():
    text = report.to_markdown(Report("r", "c", 1, {}))
    assert "No set was evaluated." in text
    assert not any(word in text for word in ("None", "commit", "device", "Left out"))


def test_the_curve_is_a_picture_and_is_referred_to(full, tmp_path):
    written = report.write_report(tmp_path, full)
    assert [path.name for path in written] == ["learning_curve.png", "report.json", "report.md"]
    assert (tmp_path / report.CURVE).read_bytes().startswith(b"\x89PNG")
    assert f"]({report.CURVE})" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("history", [[], [{"epoch": 1, "train_loss": math.nan}]])
def test_without_a_finite_loss_there_is_no_picture(tmp_path, history):
    written = report.write_report(tmp_path, Report("r", "c", 1, {}, history=history))
    assert [path.name for path in written] == ["report.json", "report.md"]


def test_what_cannot_be_written_leaves_nothing(full, tmp_path):
    with pytest.raises(TypeError):
        report.write_report(tmp_path, Report("r", "c", 1, full.evaluations, history=[{"epoch": object()}]))
    assert list(tmp_path.iterdir()) == []
