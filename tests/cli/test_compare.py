"""speechgru compare, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import beeps
import pytest

from speechgru import audio, cli
from speechgru.audio import encode
from speechgru.data import Utterance, manifest
from speechgru.inference import load as loading
from speechgru.inference import recognizer


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve speakers; the model called `deaf` recognises no word."""
    utterances = []
    for number in range(12):
        path = tmp_path / f"{number}.wav"
        encode.write(path, beeps.beep("see me"), beeps.RATE)
        utterances.append(Utterance(path, audio.info(path).duration or 0.0, "see me", f"s{number}"))
    manifest.write(tmp_path / "dev.jsonl", utterances)

    def load(model: str, device: str) -> recognizer.Recognizer:
        found = beeps.recognizer()
        if model == "deaf":
            found.recognize = lambda signals, starts: [() for _ in signals]  # type: ignore[method-assign]
        return found

    monkeypatch.setattr(loading, "load_recognizer", load)
    return tmp_path / "dev.jsonl"


def test_it_says_which_is_better(dev: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "deaf", "beeps", str(dev)]) == 0
    out = capsys.readouterr().out
    assert "first         100.00 % WER" in out
    assert "verdict       the second is better" in out
    assert "paired bootstrap over speakers" in out
    assert "too few utterances" in out


def test_json(dev: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "beeps", "beeps", str(dev), "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)[str(dev)]
    assert result["verdict"] == "not distinguishable"
    assert result["difference"] == 0


def test_what_it_refuses(dev: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert cli.main(["compare", "beeps", "beeps", str(empty)]) == 1
    assert "has no utterances" in capsys.readouterr().err
    assert cli.main(["compare", "beeps", str(dev)]) == 2
    assert cli.main(["compare", "beeps", "beeps", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl" in capsys.readouterr().err


def test_a_missing_model_is_named(
    dev: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    assert cli.main(["compare", "none.safetensors", "english-small", str(dev)]) == 1
    assert "none.safetensors is not there" in capsys.readouterr().err
