"""JSON files of chorales: the soprano is on top whatever comes first in the file, and a step is as long as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechgru.music.evaluation import report
from speechgru.music.files import chorale_json, load
from speechgru.music.files.chorale_json import Chorales

FALLING = [[74, 67, 62, 50], [72, 69, 65, 53], [71, 67, 62, 55]]


def read(tmp_path: Path, piece: Any, name: str = "a-8th.json") -> Chorales:
    path = tmp_path / name
    path.write_text(json.dumps({"train": [piece], "valid": [], "test": []}))
    return chorale_json.read(path)


def voices(found: Chorales) -> list[list[int]]:
    return found.sets["train"][0].tolist()  # type: ignore[no-any-return]


def test_the_soprano_is_on_top_whatever_comes_first(tmp_path: Path) -> None:
    assert voices(read(tmp_path, FALLING)) == FALLING
    assert voices(read(tmp_path, [step[::-1] for step in FALLING])) == FALLING


def test_a_rest_keeps_its_voice_where_the_bass_comes_first(tmp_path: Path) -> None:
    given = [[50, 62, 67, 74], [53, -1, 69, 72], [55, 62, 62, 71], [-1, 62, 67, 71]]
    expected = [[74, 67, 62, 50], [72, 69, -1, 53], [71, 62, 62, 55], [71, 67, 62, -1]]
    assert voices(read(tmp_path, given)) == expected


def test_voices_may_cross(tmp_path: Path) -> None:
    crossed = [*FALLING, [60, 64, 62, 67]]
    assert voices(read(tmp_path, crossed)) == crossed
    assert voices(read(tmp_path, [step[::-1] for step in crossed])) == crossed


def test_three_keys_of_a_roll_are_four_voices(tmp_path: Path) -> None:
    assert voices(read(tmp_path, [[50, 62, 67, 74], [50, 64, 72], [], [50]])) == [
        [74, 67, 62, 50],
        [72, 64, 64, 50],
        [-1] * 4,
        [-1, -1, -1, 50],
    ]


def test_a_roll_an_octave_above_a_choir_is_read_lower(tmp_path: Path) -> None:
    found = read(tmp_path, [[60, 72, 79, 88], [72, 79, 88], [67, 70, 76, 84]])
    assert voices(found)[0] == [76, 67, 60, 48] and voices(found)[2] == [72, 64, 58, 55]
    assert "an octave above a choir" in found.remarks[0]
    assert voices(read(tmp_path, [[5, 72, 79, 88]])) == [[88, 79, 72, 5]]  # it would leave the range


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("jsb-chorales-quarter.json", 1),
        ("jsb-chorales-8th.json", 2),
        ("jsb-chorales-16th.json", 4),
        ("Quarter.json", 1),
        ("mine_8TH.json", 2),
    ],
)
def test_the_name_says_how_long_a_step_is(name: str, steps: int, tmp_path: Path) -> None:
    found = read(tmp_path, FALLING, name)
    assert (found.steps_per_beat, found.remarks) == (steps, ())
    assert load.read([str(tmp_path / name)]).pieces[0].notes.length == 3 / steps


@pytest.mark.parametrize("name", ["mine.json", "headquarter.json", "18th.json", "8th-grade.json"])
def test_a_name_that_does_not_say_is_taken_as_sixteenths_and_told(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, FALLING, name)
    assert found.steps_per_beat == 4 and name in found.remarks[0] and "taken as a 16th" in found.remarks[0]


@pytest.mark.slow
def test_the_three_files_of_the_collection_agree(data_root: Path) -> None:
    folder = data_root / "music" / "jsb_chorales"
    if not folder.is_dir():
        pytest.skip("the shared data has no chorales")
    for name in ("quarter", "8th", "16th"):
        found = load.read([str(folder / f"jsb-chorales-{name}.json")])
        rates = report.leading(found.notes).rates()
        assert rates["crossings"] < 3 and rates["range"] < 5 and rates["spacing"] < 2
        assert np.median([piece.length for piece in found.notes]) == 57
        parts = np.concatenate(
            [
                voices
                for pieces in chorale_json.read(folder / f"jsb-chorales-{name}.json").sets.values()
                for voices in pieces
            ]
        )
        means = [line[line >= 0].mean() for line in parts.T]
        assert np.allclose(means, [70.7, 65.5, 60.4, 52.7], atol=2.5)
