"""Notes, times, keys: checked against hand-worked values and the circle of fifths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.score import keys
from speechgru.music.score.keys import MODES, Key
from speechgru.music.score.notes import KeyChange, Metre, Tempo, nearest


def test_notes_are_sorted_and_length_reaches_the_last_end() -> None:
    piece = NoteSequence((Note(2, 60, 3), Note(0, 64, 5), Note(0, 60, 1)))
    assert [(n.start, n.pitch) for n in piece.notes] == [(0, 60), (0, 64), (2, 60)]
    assert piece.length == 5
    assert NoteSequence(piece.notes, length=8).length == 8


def test_seconds_follow_the_tempos_and_back() -> None:
    piece = NoteSequence((Note(0, 60, 8),), (Tempo(0, 60), Tempo(2, 120), Tempo(4, 30)))
    assert [piece.seconds(beat) for beat in (0, 1, 2, 3, 4, 5, 8)] == [0, 1, 2, 2.5, 3, 5, 11]
    assert piece.duration == 11
    for seconds in (0, 0.3, 2.0, 2.75, 3, 10):
        assert piece.seconds(piece.beat(seconds)) == pytest.approx(seconds)


def test_without_a_tempo_at_the_start_it_is_120() -> None:
    assert NoteSequence((), (Tempo(4, 60),)).tempos == (Tempo(0, 120), Tempo(4, 60))


def test_bar_lines_begin_anew_with_each_metre() -> None:
    piece = NoteSequence((), metres=(Metre(0, 3, 4), Metre(6, 6, 8), Metre(12, 2, 2)), length=18)
    assert piece.bar_lines() == [0, 3, 6, 9, 12, 16]
    assert NoteSequence((), metres=(Metre(1, 4, 4),), length=6).bar_lines() == [0, 1, 5]
    assert NoteSequence(length=8).bar_lines() == [0, 4]


def test_the_grid_takes_the_nearest_step_a_half_up() -> None:
    piece = NoteSequence((Note(0.2, 60, 0.3), Note(0.375, 62, 1.1)), keys=(KeyChange(0.9, Key("G")),))
    moved = piece.on_grid(4)
    assert [(n.start, n.end) for n in moved.notes] == [(0.25, 0.5), (0.5, 1.0)]
    assert moved.keys == (KeyChange(1.0, Key("G")),)
    assert [nearest(x) for x in (0.5, 1.5, 2.5, 2.49)] == [1, 2, 3, 2]
    assert moved.on_grid(4) == moved


def test_transposing_moves_keys_and_leaves_drums() -> None:
    piece = NoteSequence((Note(0, 60, 1), Note(0, 36, 1, drum=True)), keys=(KeyChange(0, Key("C")),))
    up = piece.transposed(2)
    assert sorted((n.pitch, n.drum) for n in up.notes) == [(36, True), (62, False)]
    assert str(up.keys[0].key) == "D major"
    assert up.transposed(-2) == piece
    with pytest.raises(MusicError, match="0 to 127; got 128"):
        piece.transposed(68)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Note(0, 128, 1),
        lambda: Note(1, 60, 1),
        lambda: Note(-1, 60, 1),
        lambda: Note(0, 60, float("nan")),
        lambda: Note(0, 60, float("inf")),
        lambda: Note(0, 60, 1, velocity=0),
        lambda: Note(0, 60, 1, voice=-1),
        lambda: Tempo(0, 0),
        lambda: Tempo(0, float("nan")),
        lambda: Metre(0, 4, 3),
        lambda: Metre(0, 0, 4),
        lambda: NoteSequence((), (Tempo(0, 60), Tempo(0, 70))),
        lambda: NoteSequence((), keys=(KeyChange(3, Key("C")), KeyChange(1, Key("C")))),
        lambda: NoteSequence((), metres=(Metre(-1, 4, 4),)),
        lambda: NoteSequence((), length=float("inf")),
    ],
)
def test_nonsense_is_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MusicError, match="got"):
        make()


# ------------------------------------------------------------------------------------------------ keys

CIRCLE = ["Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"]


def test_the_circle_of_fifths() -> None:
    assert [Key(name).fifths for name in CIRCLE] == list(range(-7, 8))
    assert [Key(name).tonic_class for name in CIRCLE] == [11, 6, 1, 8, 3, 10, 5, 0, 7, 2, 9, 4, 11, 6, 1]
    assert Key("Eb").altered == {"B": -1, "E": -1, "A": -1}
    assert Key("A").altered == {"F": 1, "C": 1, "G": 1}


def test_scales_begin_with_the_tonic() -> None:
    assert Key("D", "dorian").scale == (2, 4, 5, 7, 9, 11, 0)
    assert Key("C", "minor").scale == (0, 2, 3, 5, 7, 8, 10)
    assert Key("F#", "major").scale == (6, 8, 10, 11, 1, 3, 5)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("G", "G major"),
        ("g", "G major"),
        ("GM", "G major"),
        ("F# minor", "F# minor"),
        ("Bbm", "Bb minor"),
        ("A dorian", "A dorian"),
        ("Ador", "A dorian"),
        ("D Mixolydian", "D mixolydian"),
        ("DMix", "D mixolydian"),
        ("Glyd", "G lydian"),
        ("B♭ aeolian", "Bb minor"),
        ("C ionian", "C major"),
    ],
)
def test_keys_as_people_write_them(text: str, key: str) -> None:
    assert str(keys.parse(text)) == key
    assert keys.parse(str(keys.parse(text))) == keys.parse(text)


@pytest.mark.parametrize("text", ["", "H", "X minor", "Bn", "C blues", "C##", "7", "Ami!"])
def test_a_key_that_does_not_exist_is_named(text: str) -> None:
    with pytest.raises(MusicError, match="There is no key") as caught:
        keys.parse(text)
    assert repr(text) in str(caught.value) and "F# minor" in str(caught.value)


def test_a_key_of_eight_sharps_names_the_one_to_write() -> None:
    with pytest.raises(MusicError, match=r"8 sharps\. Write Ab major"):
        keys.parse("G#")
    with pytest.raises(MusicError, match=r"8 flats\. Write E major"):
        keys.parse("Fb")


@given(st.integers(-7, 7), st.sampled_from(sorted(MODES)), st.integers(-30, 30))
def test_transposed_keys_have_the_transposed_scale(fifths: int, mode: str, semitones: int) -> None:
    key = Key.of(fifths, mode)
    assert key.fifths == fifths
    assert key.transposed(semitones).scale == tuple((c + semitones) % 12 for c in key.scale)


def test_pitch_names() -> None:
    assert [keys.pitch_name(p) for p in (60, 61, 69, 21, 108, 0)] == ["C4", "C♯4", "A4", "A0", "C8", "C-1"]
