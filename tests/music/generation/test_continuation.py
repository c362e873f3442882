"""Beginnings of pieces by models of piano rolls: written as they are given, whatever the model gets of them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import music_models
import music_strategies
import numpy as np
import pytest
from hypothesis import given

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence, load_composer
from speechgru.music.files import primer
from speechgru.music.generation import continuation
from speechgru.music.generation.request import Request
from speechgru.music.generation.token_composer import LEAST_TOKENS
from speechgru.music.score import piano_roll, scales, voices

QUICK = "G4:1/2 A4:1/2 B4:1/4 A4:1/4 G4:1/2 C5"


def pitches(roll: np.ndarray) -> list[list[int]]:
    return [[int(key) + piano_roll.LOWEST for key in np.flatnonzero(step)] for step in roll]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("models")
    return {
        name: load_composer(music_models.rolls(folder / f"{name}.safetensors", name))
        for name in ("jsb_chorales", "musedata")
    }


@pytest.mark.parametrize("corpus", ["jsb_chorales", "musedata"])
@pytest.mark.parametrize("text", ["C4 C4 G4 G4 A4 A4 G4:2", QUICK, "C4+E4+G4:1/2 R D4+F4 D4", "C5 D5:1/3"])
def test_a_beginning_is_written_as_it_is(corpus: str, text: str, made: Any) -> None:
    given = primer.parse(text)
    for piece in made[corpus].compose(Request(bars=4, primer=given, top_k=3), 2):
        begun = [(n.start, n.pitch, n.end) for n in piece.notes if n.start < given.length]
        assert begun == [(n.start, n.pitch, n.end) for n in given.notes]
        assert len(piece.notes) > len(given.notes) and piece.length == 16


def test_velocities_and_voices_are_kept(made: Any) -> None:
    duet = NoteSequence((Note(0, 72, 2, 100, 0), Note(0, 48, 1, 30, 3), Note(1, 50, 2, 40, 3)))
    (piece,) = made["jsb_chorales"].compose(Request(bars=2, primer=duet))
    assert [note for note in piece.notes if note.start < 2] == list(duet.notes)
    (piece,) = made["jsb_chorales"].compose(Request(bars=2, primer=primer.parse("C4+E4+G4+C5 D5+B3")))
    assert [(n.pitch, n.voice) for n in piece.notes if n.start == 0] == [(60, 3), (64, 2), (67, 1), (72, 0)]


def test_the_model_hears_what_sounds_together() -> None:
    assert pitches(continuation.roll_of(primer.parse(QUICK), 1)) == [[67], [71], [72]]
    assert pitches(continuation.roll_of(primer.parse("C4:1/4 D4:3/4 R:1/2 E4:1/2"), 1)) == [[62], [64]]
    held = NoteSequence((Note(0, 48, 2), Note(0, 60, 0.5), Note(0.5, 62, 1), Note(1, 64, 2)))
    assert pitches(continuation.roll_of(held, 1)) == [[48, 60], [48, 64]]
    assert pitches(
        continuation.roll_of(NoteSequence((Note(0, 60, 1.05), Note(0.97, 62, 2.06)), length=2.06), 1)
    ) == [[60], [62]]


@given(music_strategies.notes(6, 30, (40, 46), 9, least=1))
def test_it_is_the_roll_where_the_grid_holds_it_and_has_no_clusters(notes: list[Note]) -> None:
    piece = NoteSequence(tuple(notes))
    assert np.array_equal(continuation.roll_of(piece, 6), piano_roll.to_roll(piece, 6))
    coarse = continuation.roll_of(piece, 1)
    for step, some in enumerate(pitches(coarse)):
        near = [note for note in notes if step - 1 < note.end and note.start < step + 2]
        for one, other in combinations(some, 2):
            assert any(
                a.start < b.end and b.start < a.end
                for a in near
                for b in near
                if (a.pitch, b.pitch) == (one, other)
            )
    assert len(coarse) - 1 < piece.length <= len(coarse) + 0.1


def test_what_is_not_heard_is_told(made: Any) -> None:
    def told(corpus: str, text: str) -> str:
        return made[corpus].remark(Request(primer=primer.parse(text)))

    assert told("musedata", "C4 D4:1/2 E4") == "" == told("jsb_chorales", "C0 C4 E4")
    assert "1/2 beat, gets less: 1 notes joined to the same note before." in told("musedata", "C4 C4")
    assert "steps are a beat, gets less: 5 notes moved" in told("jsb_chorales", QUICK)
    assert "within a step it gets one" in told("jsb_chorales", QUICK)


@pytest.mark.parametrize(
    ("corpus", "text", "message"),
    [
        ("jsb_chorales", "C9", "from A-1 to C7 here; the beginning has C9. Move it by octaves"),
        ("musedata", "C0 C4 E4 G8", "from A0 to C8 here; the beginning has C0, G8"),
    ],
)
def test_notes_that_no_key_has_are_named(corpus: str, text: str, message: str, made: Any) -> None:
    wanted = Request(bars=3, primer=primer.parse(text))
    for refused in (lambda: made[corpus].compose(wanted), lambda: made[corpus].remark(wanted)):
        with pytest.raises(MusicError, match=message):
            refused()


def test_what_is_still_held_is_not_doubled() -> None:
    given = NoteSequence((Note(0, 60, 2.1), Note(0, 64, 2)))
    drawn = NoteSequence((Note(0, 60, 1), Note(0, 64, 1), Note(2, 60, 3)), length=3)
    found = continuation.continued(given, drawn, 2.0)
    expected = [(0, 60, 2.1), (0, 64, 2), (2, 64, 3), (2.1, 60, 3), (4, 60, 5)]
    assert [(n.start, n.pitch, n.end) for n in found.notes] == expected
    short = continuation.continued(NoteSequence((Note(0, 60, 2.1),)), NoteSequence((Note(0, 60, 0.1),)), 2.0)
    assert short.notes == (Note(0, 60, 2.1),)


def test_words_of_a_model_of_tunes(tmp_path: Path) -> None:
    tunes = load_composer(music_models.tunes(tmp_path / "tunes.safetensors"))
    with pytest.raises(MusicError, match="from A0 to C8 here; the beginning has C9"):
        tunes.remark(Request(primer=primer.parse("C4 C9")))
    with pytest.raises(MusicError, match=f"Got 4 steps; .* from {LEAST_TOKENS} on"):
        tunes.remark(Request(steps=4))
    assert tunes.remark(Request(steps=LEAST_TOKENS)) == ""


def test_notes_get_voices_that_sing_one_at_a_time() -> None:
    chords = primer.parse("C5+E4+G4+C4:2 B4+D4 C5")
    found = voices.in_parts(chords)
    assert [(n.pitch, n.voice) for n in found.notes] == [
        (60, 3),
        (64, 2),
        (67, 1),
        (72, 0),
        (62, 2),
        (71, 0),
        (72, 0),
    ]
    tune = primer.parse("C3 D3 C3")
    assert voices.in_parts(tune) == tune, "one voice stays one"
    crowd = primer.parse("C4+D4+E4+F4+G4")
    assert voices.in_parts(crowd) == crowd


def test_a_range_without_a_note_is_said_in_names(made: Any) -> None:
    with pytest.raises(MusicError, match="within C4 to C♯4 and is one of D E G A B"):
        made["musedata"].compose(Request(lowest=60, highest=61, scale=scales.scale("G", "pentatonic")))
