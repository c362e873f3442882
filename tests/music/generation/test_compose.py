"""Pieces from both kinds of models: what is asked for holds, and the model hears of it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import music_models
import numpy as np
import pytest

from speechgru.errors import CheckpointError, MusicError
from speechgru.music import Note, NoteSequence, load_composer
from speechgru.music.files import primer
from speechgru.music.generation import compose, roll_composer, token_composer, transposition
from speechgru.music.generation.compose import RollComposer, TokenComposer
from speechgru.music.generation.request import BARS, Request, metre
from speechgru.music.generation.sample_tokens import sample_tokens
from speechgru.music.score import piano_roll, scales
from speechgru.music.score.corpus_facts import BY_NAME, CorpusFacts
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre, Tempo

C = scales.scale("C", "chromatic")


@pytest.fixture(scope="module")
def roll(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_composer(music_models.rolls(tmp_path_factory.mktemp("models") / "rolls.safetensors"))


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_composer(music_models.tunes(tmp_path_factory.mktemp("models") / "tunes.safetensors"))


def tokens(composer: TokenComposer, piece: NoteSequence) -> list[str]:
    return [composer.model.encoding.tokens[number] for number in composer.model.encoding.encode(piece)]


# --- both kinds


def test_a_model_is_known_by_its_kind(roll: Any, tune: Any, tmp_path: Path) -> None:
    assert isinstance(roll, RollComposer) and isinstance(tune, TokenComposer)
    assert (roll.steps_per_beat, roll.corpora) == (1, ("jsb_chorales",))
    assert (tune.steps_per_beat, tune.corpora) == (4, ("folk",))
    for corpus, steps in (("nottingham", 2), ("chorales", 4), ("something", 4)):
        path = music_models.rolls(tmp_path / f"{corpus}.safetensors", corpus)
        assert load_composer(path).steps_per_beat == steps


@pytest.mark.parametrize("kind", ["roll", "tune"])
def test_key_scale_and_range_hold(kind: str, request: pytest.FixtureRequest) -> None:
    composer = request.getfixturevalue(kind)
    wanted = Request(
        bars=6, scale=scales.scale("Eb", "pentatonic"), lowest=50, highest=75, seed=2, temperature=1.3
    )
    for piece in composer.compose(wanted, 2):
        pitches = {note.pitch for note in piece.notes}
        assert pitches and min(pitches) >= 50 and max(pitches) <= 75
        assert {pitch % 12 for pitch in pitches} <= {3, 5, 7, 10, 0}
        assert piece.keys[0] == KeyChange(0, Key("Eb"))


@pytest.mark.parametrize("kind", ["roll", "tune"])
def test_the_same_seed_gives_the_same_piece(kind: str, request: pytest.FixtureRequest) -> None:
    composer = request.getfixturevalue(kind)
    wanted = Request(bars=3, seed=4)
    several = composer.compose(wanted, 3)
    assert composer.compose(wanted) == several[:1] and len(set(several)) == 3
    assert composer.compose(Request(bars=3, seed=5)) != several[:1]


@pytest.mark.parametrize("kind", ["roll", "tune"])
def test_a_primer_is_the_beginning(kind: str, request: pytest.FixtureRequest) -> None:
    composer = request.getfixturevalue(kind)
    given = primer.read("C4:2 E4 R G4:2").notes
    for piece in composer.compose(Request(bars=5, primer=given, lowest=90, qpm=90.0, top_k=3), 2):
        start = [(note.start, note.pitch) for note in piece.notes if note.start < given.length]
        assert start == [(0, 60), (2, 64), (4, 67)]
        assert all(note.pitch >= 90 for note in piece.notes if note.start >= given.length)
        assert len(piece.notes) > 3 and piece.tempos == (Tempo(0, 90),)
        assert piece.length > given.length


@pytest.mark.parametrize("kind", ["roll", "tune"])
def test_how_far_it_is_gets_said(kind: str, request: pytest.FixtureRequest) -> None:
    told: list[float] = []
    request.getfixturevalue(kind).compose(Request(bars=3), 2, told.append)
    assert (told == sorted(told) and 0 < told[0] < told[-1] == 1) or (kind == "tune" and told[-1] == 1)
    assert len(told) > 3 and all(0 <= share <= 1 for share in told)


# --- piano rolls


def test_the_length_of_a_roll(roll: Any) -> None:
    assert roll.compose(Request(steps=7))[0].length == 7
    assert roll.compose(Request(bars=3))[0].length == 12
    assert roll.compose(Request(bars=3, metre=Metre(0, 3, 4)))[0].length == 9
    assert roll.compose(Request())[0].length == 4 * BARS
    waltz = NoteSequence((Note(0, 60, 3),), metres=(Metre(0, 3, 4),), tempos=(Tempo(0, 77),))
    (piece,) = roll.compose(Request(bars=2, primer=waltz))
    assert (piece.length, piece.metres, piece.tempos) == (6, waltz.metres, waltz.tempos)


def test_music_in_another_key_is_made_where_the_model_knows_it(roll: Any) -> None:
    first, second = (
        roll.compose(
            Request(
                steps=12, scale=scales.scale(key), primer=primer.parse(text), lowest=low, highest=low + 40
            )
        )[0]
        for key, text, low in (("C", "C4+E4+G4", 36), ("Bb minor", "Bb3+D4+F4", 34))
    )
    # The scales differ, so only what the primer holds is the same in both, two semitones lower.
    assert [note.pitch - 2 for note in first.notes[:3]] == [note.pitch for note in second.notes[:3]]
    moved = roll.compose(Request(steps=12, scale=scales.scale("D"), seed=3, lowest=1))[0]
    assert (
        moved.notes
        == roll.compose(Request(steps=12, scale=scales.scale("C"), seed=3, lowest=1))[0].transposed(2).notes
    )
    assert [transposition.semitones(BY_NAME["jsb_chorales"], Key(t)) for t in ("C", "D", "F#", "G", "B")] == [
        12,
        10,
        6,
        17,
        13,
    ]
    assert (
        transposition.semitones(BY_NAME["nottingham"], Key("A", "minor")) == 3
        and transposition.semitones(BY_NAME["nottingham"], None) == 0
    )
    assert (
        transposition.semitones(BY_NAME["chorales"], Key("D"))
        == 0
        == transposition.semitones(CorpusFacts(), Key("D"))
    )


def test_a_model_of_chorales_sings_in_four_voices(roll: Any, tmp_path: Path) -> None:
    (piece,) = roll.compose(Request(steps=20))
    assert set(piece.voices) <= {0, 1, 2, 3} and len(piece.voices) > 1
    assert piano_roll.to_roll(piece, 1).sum(axis=1).max() <= 4
    (crowd,) = roll.compose(Request(steps=20, top_k=9))
    other = load_composer(music_models.rolls(tmp_path / "other.safetensors", "nottingham"))
    assert crowd.voices == [0] == other.compose(Request(steps=20))[0].voices


def test_a_choir_keeps_to_its_range_unless_a_range_is_asked_for(roll: Any) -> None:
    low, high = roll_composer.CHOIR
    sung = [
        note.pitch for piece in roll.compose(Request(steps=30, temperature=2.0), 2) for note in piece.notes
    ]
    assert low <= min(sung) and max(sung) <= high
    wide = [
        note.pitch for note in roll.compose(Request(steps=30, temperature=2.0, lowest=1, top_k=20))[0].notes
    ]
    assert min(wide) < low and max(wide) > high


@pytest.mark.parametrize("key", ["C", "F# minor"])
def test_the_last_beat_is_of_the_tonic_where_the_key_is_known(key: str, roll: Any) -> None:
    wanted = scales.scale(key)
    triad = {wanted.classes[place] for place in (0, 2, 4)} if wanted.key else set()
    for piece in roll.compose(Request(bars=3, scale=wanted), 3):
        assert {n.pitch % 12 for n in piece.notes if n.end > 11} <= triad
        assert not {n.pitch % 12 for n in piece.notes} <= triad
    free = {n.pitch % 12 for piece in roll.compose(Request(bars=3), 3) for n in piece.notes if n.end > 11}
    assert len(free) > 3


def test_the_model_hears_the_primer(roll: Any) -> None:
    given = primer.read("C4+E4+G4:2 D4+F4+A4:2").notes
    (piece,) = roll.compose(Request(steps=9, primer=given, top_p=0.5, scale=C, lowest=30))
    whole = piano_roll.to_roll(piece, 1)
    begun = piano_roll.from_roll(whole[:6], 1)
    again = piano_roll.to_roll(
        roll.compose(Request(steps=9, primer=begun, top_p=0.5, scale=C, lowest=30))[0], 1
    )
    assert np.array_equal(whole, again)


# --- tokens


def test_a_piece_begins_with_its_key_and_metre(tune: Any) -> None:
    (piece,) = tune.compose(Request(bars=2, scale=scales.scale("F# minor"), metre=Metre(0, 6, 8)))
    assert tokens(tune, piece)[:5] == ["START", "METRE 6", "UNIT 8", "SIGNATURE 3", "MODE minor"]
    assert piece.keys == (KeyChange(0, Key("F#", "minor")),) and piece.metres == (Metre(0, 6, 8),)
    (piece,) = tune.compose(Request(bars=2, metre=Metre(0, 3, 4)))
    assert tokens(tune, piece)[:3] == ["START", "METRE 3", "UNIT 4"]


def test_bars_are_counted_and_steps_are_words(tune: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled: list[list[str]] = []

    def spied(*given: Any, **more: Any) -> list[list[int]]:
        found = sample_tokens(*given, **more)
        sampled.extend([tune.model.encoding.tokens[number] for number in numbers] for numbers in found)
        return found

    monkeypatch.setattr(token_composer, "sample_tokens", spied)
    tune.compose(Request(bars=5, primer=primer.parse("C4 D4")))
    tune.compose(Request(steps=40))
    assert tune.model.encoding.decode([tune.model.encoding.number[w] for w in sampled[0]]).length == 20
    assert sampled[0][-1] == "END"
    assert 20 < len(sampled[1]) <= 44


def test_a_primer_ends_where_the_next_note_may_begin(tune: Any) -> None:
    encoding = tune.model.encoding

    def begun(text: str, **wanted: Any) -> list[str]:
        return [encoding.tokens[n] for n in tune._begun(primer.read(text).notes, Request(**wanted))]

    heading = ["START", "METRE 4", "UNIT 4", "SIGNATURE 0", "MODE major", "BAR"]
    notes = ["NOTE 60", "DURATION 4", "SHIFT 4", "NOTE 64", "DURATION 4", "SHIFT 4", "NOTE 67", "DURATION 8"]
    assert begun("C4 E4 G4:2") == [*heading, *notes, "BAR"], "a bar line, and no silence before it"
    assert begun("C4 E4") == [*heading, *notes[:5], "SHIFT 4"]
    assert begun("C4 R:2") == [*heading, *notes[:2], "SHIFT 8", "SHIFT 4"]
    told = begun("C4 E4", scale=scales.scale("A minor"), metre=Metre(0, 3, 4))
    assert told[1:5] == ["METRE 3", "UNIT 4", "SIGNATURE 0", "MODE minor"]


def test_what_a_file_says_of_key_and_metre_is_kept(tune: Any) -> None:
    jig = NoteSequence((Note(0, 62, 3),), keys=(KeyChange(0, Key("D", "dorian")),), metres=(Metre(0, 6, 8),))
    (piece,) = tune.compose(Request(bars=3, primer=jig))
    assert piece.keys == jig.keys and piece.metres == jig.metres


def test_several_voices_and_velocities(tmp_path: Path) -> None:
    path = music_models.tunes(tmp_path / "many.safetensors", voices=3, velocities=4)
    composer = load_composer(path)
    duet = NoteSequence((Note(0, 60, 2, 30, 0), Note(0, 72, 2, 110, 2)))
    (piece,) = composer.compose(Request(bars=3, primer=duet))
    assert {(note.pitch, note.voice) for note in piece.notes if note.start == 0} == {(60, 0), (72, 2)}
    assert piece.notes[-1].start >= 2


def test_a_tune_names_metre_and_key_first_and_no_far_one(tune: Any) -> None:
    for piece in tune.compose(Request(bars=2, temperature=3.0), 6):
        assert [token.partition(" ")[0] for token in tokens(tune, piece)[1:5]] == [
            "METRE",
            "UNIT",
            "SIGNATURE",
            "MODE",
        ]
        assert abs(piece.keys[0].key.fifths) <= token_composer.ACCIDENTALS
    assert tune.compose(Request(bars=2, scale=scales.scale("Gb")))[0].keys[0].key == Key("Gb")


def test_a_tune_has_one_note_at_a_time_where_its_corpus_does(tune: Any, tmp_path: Path) -> None:
    for piece in tune.compose(Request(bars=4, temperature=2.0), 4):
        assert all(a.end <= b.start for a, b in pairwise(piece.notes))
    other = load_composer(music_models.tunes(tmp_path / "other.safetensors", "own_midi"))
    found = other.compose(Request(bars=4, temperature=2.0), 4)
    assert any(a.end > b.start for piece in found for a, b in pairwise(piece.notes))


def test_each_kind_has_a_temperature_of_its_own(tune: Any, roll: Any) -> None:
    for composer in (tune, roll):
        assert composer.compose(Request(bars=2)) == composer.compose(
            Request(bars=2, temperature=composer.temperature)
        )
    assert tune.compose(Request(bars=4)) != tune.compose(Request(bars=4, temperature=3.0))


# --- what can't be


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0; expected a number above 0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"top_p": 1.5}, "top_p 1.5"),
        ({"lowest": 61, "highest": 61, "scale": scales.scale("C")}, "Widen the range or the scale"),
        ({"lowest": 0, "highest": 5}, "Widen the range or the scale|No note of the model"),
        ({"bars": 1, "primer": primer.parse("C4:9")}, "primer .*Make the piece longer or the primer shorter"),
        (
            {"steps": 3, "primer": primer.parse("C4:9")},
            "primer .*Make the piece longer or the primer shorter",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["roll", "tune"])
def test_requests_that_no_model_fulfils(
    kind: str, wrong: Any, message: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(MusicError, match=message):
        request.getfixturevalue(kind).compose(Request(**wrong))


def test_requests_that_make_no_sense() -> None:
    for wrong, message in (
        ({"steps": 3, "bars": 2}, "one of them"),
        ({"steps": -1}, "-1 steps"),
        ({"bars": 10**9}, "up to 100000"),
        ({"qpm": 0.0}, "tempo of 0"),
        ({"qpm": float("nan")}, "tempo of nan"),
    ):
        with pytest.raises(MusicError, match=message):
            Request(**wrong)
    assert metre("6/8") == Metre(0, 6, 8)
    for text in ("6", "6/7", "0/4", "x/4"):
        with pytest.raises(MusicError, match="metre"):
            metre(text)


def test_models_of_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        CheckpointError, match=r"kind 'acoustic', which knows nothing of notes.*speechgru train folk"
    ):
        load_composer("english-small")
    with pytest.raises(CheckpointError, match="does not exist"):
        load_composer(tmp_path / "missing.safetensors")
    with pytest.raises(CheckpointError, match="is not there"):
        load_composer("missing")
    monkeypatch.setattr(compose, "ASSETS", tmp_path)
    with pytest.raises(CheckpointError, match=r"No model of notes comes with this.*speechgru train folk"):
        load_composer()
    music_models.tunes(tmp_path / "folk.safetensors")
    assert isinstance(load_composer(), TokenComposer)
