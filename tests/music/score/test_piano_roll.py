"""Piano rolls and voices: exact round trips, and an account of what a roll doesn't hold."""

from __future__ import annotations

from pathlib import Path

import music_strategies
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.files import chorale_json
from speechgru.music.score.chorale import from_parts, to_parts
from speechgru.music.score.piano_roll import KEYS, LOWEST, Losses, from_roll, losses, to_roll

rolls = arrays.arrays(
    np.uint8, st.tuples(st.integers(0, 30), st.just(KEYS)), elements=st.integers(0, 1), fill=st.just(0)
)


@given(rolls, st.integers(1, 96))
def test_a_roll_comes_back_from_its_notes(roll: np.ndarray, steps_per_beat: int) -> None:
    notes = from_roll(roll, steps_per_beat)
    again = to_roll(notes, steps_per_beat)
    assert again.dtype == np.uint8 and np.array_equal(again, roll)
    assert not losses(notes, steps_per_beat)
    assert from_roll(again, steps_per_beat) == notes


def test_a_roll_by_hand() -> None:
    piece = NoteSequence((Note(0, 60, 1), Note(0.5, 64, 1.5)), length=2.5)
    roll = to_roll(piece, 2)
    assert roll.shape == (5, 88)
    assert [list(np.flatnonzero(step) + LOWEST) for step in roll] == [[60], [60, 64], [64], [], []]


def test_what_a_roll_does_not_hold_is_counted() -> None:
    piece = NoteSequence(
        (
            Note(0, 60, 1),
            Note(1, 60, 2),  # struck again
            Note(0.1, 64, 1),  # off the grid
            Note(0, 20, 1),  # below the piano
            Note(0, 38, 1, drum=True),
        )
    )
    lost = losses(piece, 4)
    assert lost == Losses(drums=1, outside=1, off_grid=1, merged=1)
    assert "1 drum notes left out" in str(lost) and not losses(from_roll(to_roll(piece)))
    assert from_roll(to_roll(piece, 4), 4).notes == (Note(0, 60, 2), Note(0, 64, 1))


@given(music_strategies.notes(7, 60, (10, 115), 9))
def test_nothing_counted_means_nothing_lost(notes: list[Note]) -> None:
    piece = NoteSequence(tuple(notes))
    for grid in (4, 7):
        same = from_roll(to_roll(piece, grid), grid).notes == piece.notes
        assert same == (not losses(piece, grid))


@pytest.mark.parametrize(
    "roll", [np.zeros((3, 87)), np.zeros(88), np.full((2, 88), 2), np.full((2, 88), np.nan)]
)
def test_what_is_no_roll_is_refused(roll: np.ndarray) -> None:
    with pytest.raises(MusicError, match=r"\[steps, 88\]"):
        from_roll(roll)
    with pytest.raises(MusicError, match="1 to 96 steps; got 0"):
        to_roll(NoteSequence(), 0)


@given(arrays.arrays(np.int16, st.tuples(st.integers(0, 20), st.integers(1, 4)), elements=st.integers(-1, 3)))
def test_voices_come_back_from_their_notes(parts: np.ndarray) -> None:
    assert np.array_equal(to_parts(from_parts(parts, 4), 4, parts.shape[1]), parts)


def test_a_voice_can_not_sing_two_notes() -> None:
    with pytest.raises(MusicError, match="Voice 1 sings two notes at once, at beat 1"):
        to_parts(NoteSequence((Note(0, 60, 2), Note(1, 62, 2))), 4)
    with pytest.raises(MusicError, match="Voice 5 is one too many"):
        to_parts(NoteSequence((Note(0, 60, 2, voice=4),)), 4)


def test_rests_of_chorales_go_to_the_voice_that_moves_least(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(
        '{"train": [[[70, 65, 60, 50], [71, 61, 50], [], [NaN, 64, -1, 51.0]]], "valid": [], "test": []}'
    )
    parts = chorale_json.read(path).sets["train"][0]
    assert parts.tolist() == [[70, 65, 60, 50], [71, -1, 61, 50], [-1] * 4, [-1, 64, -1, 51]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"train": []}',
        '{"train": [[[1, 2, 3, 4, 5]]], "valid": [], "test": []}',
        '{"train": [[["C"]]], "valid": [], "test": []}',
        '{"train": [[[60.5]]], "valid": [], "test": []}',
        '{"train": [[[true]]], "valid": [], "test": []}',
        '{"train": [[[1e999]]], "valid": [], "test": []}',
        '{"train": [[]], "valid": [], "test": []}',
        '{"train": [3], "valid": [], "test": []}',
        "[" * 100000,
    ],
)
def test_what_is_no_chorale_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(MusicError, match=r"c\.json"):
        chorale_json.read(tmp_path / "c.json")
