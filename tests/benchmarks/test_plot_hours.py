"""The learning curve over hours: an exact power law is found again, runs that don't fit together are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import scripts

script = scripts.load("benchmarks/plot_hours.py")


def _run(
    folder: Path, hours: float, wer: Callable[[float], float], sets: tuple[str, ...] = ("dev-a",)
) -> Path:
    folder.mkdir()
    error = wer(hours)
    row = {"wer": error, "interval": [0.96 * error, 1.04 * error]}
    corpora = [{"hours": hours / 2}, {"hours": hours / 2}]
    scores = dict.fromkeys([*sets, "test-a"], row)
    (folder / "report.json").write_text(json.dumps({"corpora": corpora, "scores": scores}))
    return folder


def test_a_power_law_is_found_again(tmp_path: Path) -> None:
    runs = [_run(tmp_path / str(h), h, lambda h: 0.8 * h**-0.25) for h in (8.0, 2.0, 4.0)]
    searched = {"m/dev-a.jsonl": {"wer": 0.3, "interval": [0.28, 0.32]}}
    for run in runs:
        (run / "scores.json").write_text(json.dumps(searched))
    greedy, search = script.read(runs)
    assert greedy.hours.tolist() == [2, 4, 8] and greedy.name == "dev-a, greedy"
    assert greedy.law() == pytest.approx((0.8, 0.25))
    error, (low, high) = greedy.at(32.0)
    assert error == pytest.approx(0.8 * 32**-0.25) and low < error < high < 1.2 * error
    at_hand = greedy.at(4.0)[1]
    assert at_hand[1] - at_hand[0] < high - low  # it knows less further out
    assert search.law() == pytest.approx((0.3, 0.0), abs=1e-9)
    text = script.tables([greedy, search], [32.0])
    assert "80.0 % h^-0.25" in text and "| dev-a, search | 30.00 % (28.00 to 32.00 %) |" in text
    script.draw(tmp_path / "a.png", [greedy, search], [32.0])
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    one, other = (_run(tmp_path / name, 2.0, lambda h: 0.5) for name in "ab")
    with pytest.raises(script.SpeechGruError, match="same hours"):
        script.read([one, other])
    third = _run(tmp_path / "c", 4.0, lambda h: 0.4, ("dev-a", "dev-b"))
    with pytest.raises(script.SpeechGruError, match=r"dev-b.*1 of 2 runs"):
        script.read([one, third])
    with pytest.raises(script.SpeechGruError, match="doesn't exist"):
        script.read([tmp_path / "d"])
