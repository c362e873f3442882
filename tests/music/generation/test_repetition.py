"""Tunes that are made up token by token don't go round in circles, however often a passage calls for itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from speechgru.music import Note, NoteSequence, load_composer
from speechgru.music.generation.repetition import NEAR, Loops
from speechgru.music.generation.request import Request
from speechgru.music.models.match_model import MatchModel
from speechgru.music.score import form
from speechgru.music.score.notes import Metre
from speechgru.music.score.tokens import Encoding, Settings
from speechgru.utils.assets import ASSETS

ENCODING = Encoding(Settings(steps_per_beat=4, lowest=60, highest=90, longest=16))


def tune(bars: str) -> NoteSequence:
    """Bars in 2/4 of two notes each, the first of which the letter says."""
    notes: list[Note] = []
    for number, letter in enumerate(bars):
        pitch = 60 + ord(letter) - ord("a")
        notes += [Note(2.0 * number, pitch, 2.0 * number + 1), Note(2.0 * number + 1, 60, 2.0 * number + 2)]
    return NoteSequence(tuple(notes), metres=(Metre(0.0, 2, 4),))


def followed(bars: str) -> tuple[Loops, list[int]]:
    """What has followed all of these bars but the last one's last note, and the tokens so far."""
    loops, tokens = Loops(ENCODING), ENCODING.encode(tune(bars))[:-1]
    last = max(i for i, number in enumerate(tokens) if ENCODING.tokens[number].startswith("NOTE"))
    for number in tokens[:last]:
        loops.append(number)
    return loops, tokens[:last]


def forbidden(loops: Loops) -> set[str]:
    logits = np.zeros(len(ENCODING))
    loops.forbid(logits)
    return {ENCODING.tokens[i] for i in np.flatnonzero(np.isinf(logits))}


@pytest.mark.parametrize(
    ("bars", "is_round"),
    [
        ("aa", False),
        ("aaa", True),
        ("aab", False),  # it is another bar
        ("abab", False),
        ("ababa", True),
        ("abcabca", True),
        ("abcdabcda", True),
        ("abcdefghabcdefghabcd", False),
        ("abcdefghabcdefghabcde", True),
        ("abcdefghiabcdefghia", False),  # longer than a part
        ("xaxa", False),
    ],
)
def test_a_passage_is_said_twice_and_no_more(bars: str, is_round: bool) -> None:
    loops, _ = followed(bars)
    assert forbidden(loops) == ({"NOTE 60"} if is_round else set())


def test_only_the_last_note_is_forbidden_and_only_where_another_may_come() -> None:
    loops = Loops(ENCODING)
    tokens = ENCODING.encode(tune("aaa"))[:-1]
    notes = [i for i, number in enumerate(tokens) if ENCODING.tokens[number].startswith("NOTE")]
    for number in tokens[: notes[-2]]:
        loops.append(number)
    assert forbidden(loops) == set()
    loops, _ = followed("aaa")
    logits = np.full(len(ENCODING), -np.inf)
    logits[ENCODING.number["NOTE 60"]] = -1.0
    loops.forbid(logits)
    assert logits[ENCODING.number["NOTE 60"]] == -1.0


def test_matches_come_from_some_bars_ago() -> None:
    for count in range(2, 12):
        bars = "abcdefghijkl"[:count]
        loops, tokens = followed(bars)
        lines = [0, *(i + 1 for i, number in enumerate(tokens) if ENCODING.tokens[number] == "BAR")]
        assert loops.quoted == lines[max(len(lines) - 1 - NEAR, 0)]
    assert followed("abcdabcx")[0].quoted == 0  # the second half of a part ends otherwise
    assert followed("aab")[0].quoted == 0


def test_matches_among_the_first_tokens() -> None:
    codes = [5, 1, 2, 3, 9, 1, 2, 4, 1, 2, 3, 7, 1, 2]
    matches = MatchModel(len(codes))
    for code in codes:
        matches.append(code)
    assert (matches.place, matches.match) == matches.before(len(codes)) == (10, 2)
    assert matches.before(8) == (7, 2) and matches.before(5) == (3, 2)
    assert matches.before(2) == matches.before(0) == (None, 0)


def test_the_measure() -> None:
    assert form.longest_loop(tune("abcd")) == 1
    assert form.longest_loop(tune("abbcd")) == 2
    assert form.longest_loop(tune("abab")) == 2
    assert form.longest_loop(tune("aba")) == 1
    assert form.longest_loop(tune("abcdefgh" * 2 + "abcd")) == 2.5
    assert form.longest_loop(tune("a" * 7)) == 7
    assert form.longest_loop(tune("abcdefghi" * 3)) == 1
    assert math.isnan(form.longest_loop(NoteSequence()))


@pytest.mark.skipif(
    not (ASSETS / "folk.safetensors").is_file(), reason="this installation holds no model of notes"
)
def test_the_packaged_model_does_not_go_round_in_circles() -> None:
    loops = [form.longest_loop(piece) for piece in load_composer().compose(Request(seed=0), 24)]
    # An upbeat's bar is cut otherwise in the tokens than in the piece, so a bar more may be the same.
    assert max(loops) <= 3 and np.mean([loop > 2.5 for loop in loops]) < 0.1
