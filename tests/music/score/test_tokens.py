"""Events: every piece comes back as the encoding holds it, and whatever the grammar allows can be decoded."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre, Tempo
from speechgru.music.score.tokens import Encoding, Settings

ENCODINGS = [
    Encoding(settings)
    for settings in (
        Settings(),
        Settings(4, longest=5, bars=False),
        Settings(4, lowest=0, highest=127, longest=16, velocities=8, voices=4),
        Settings(3, lowest=0, highest=127, longest=1, velocities=127, voices=64),
        Settings(1, lowest=40, highest=80, longest=7, velocities=1),
    )
]


@st.composite
def pieces(draw: st.DrawFn, encoding: Encoding) -> NoteSequence:
    """Notes, mostly off the grid, and changes anywhere."""
    settings = encoding.settings
    note = st.builds(
        lambda start, length, pitch, velocity, voice: Note(
            start / 24, pitch, (start + length) / 24, velocity, voice
        ),
        st.integers(0, 400),
        st.integers(1, 300),
        st.integers(settings.lowest, settings.highest),
        st.integers(1, 127),
        st.integers(0, settings.voices - 1),
    )
    places = st.lists(st.integers(0, 500), unique=True, max_size=3).map(sorted)
    units = st.sampled_from(settings.units)
    return NoteSequence(
        tuple(draw(st.lists(note, max_size=12))),
        keys=tuple(
            KeyChange(p / 24, Key.of(draw(st.integers(-7, 7)), draw(st.sampled_from(["major", "dorian"]))))
            for p in draw(places)
        ),
        metres=tuple(Metre(p / 24, draw(st.integers(1, 16)), draw(units)) for p in draw(places)),
        length=draw(st.integers(0, 700)) / 24,
    )


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{len(e)} tokens")
@given(data=st.data())
def test_pieces_come_back(encoding: Encoding, data: st.DataObject) -> None:
    piece = data.draw(pieces(encoding))
    rounded = encoding.rounded(piece)
    numbers = encoding.encode(piece)
    assert encoding.decode(numbers) == rounded
    assert encoding.rounded(rounded) == rounded and encoding.encode(rounded) == numbers
    assert numbers[0] == encoding.start and numbers[-1] == encoding.end
    assert all(encoding.follows[a, b] for a, b in pairwise(numbers))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{len(e)} tokens")
@given(seed=st.integers(0, 2**32 - 1), length=st.integers(0, 60))
def test_whatever_the_grammar_allows_is_music(encoding: Encoding, seed: int, length: int) -> None:
    """Also when it says bar lines late or changes of metre anywhere; and encoded again it is the same music."""
    generator = np.random.default_rng(seed)
    numbers = [encoding.start]
    while numbers[-1] != encoding.end:
        allowed = np.flatnonzero(encoding.follows[numbers[-1]])
        if len(numbers) > length and encoding.end in allowed:
            allowed = [encoding.end]
        numbers.append(int(generator.choice(allowed)))
    piece = encoding.decode(numbers)
    assert encoding.decode(encoding.encode(piece)) == piece


def test_a_piece_in_words() -> None:
    encoding = Encoding(Settings(4, longest=8, voices=2))
    piece = NoteSequence(
        (Note(3, 67, 4), Note(4, 72, 5), Note(4, 60, 7, voice=1), Note(5, 74, 6)),
        keys=(KeyChange(0, Key("D", "dorian")),),
        metres=(Metre(0, 4, 4),),
        length=9,
    )
    tokens = [encoding.tokens[number] for number in encoding.encode(piece)]
    assert tokens == [
        *("START", "METRE 4", "UNIT 4", "SIGNATURE 0", "MODE dorian", "BAR", "SHIFT 8", "SHIFT 4"),
        *("VOICE 0", "NOTE 67", "DURATION 4", "BAR", "NOTE 72", "DURATION 4"),
        *("VOICE 1", "NOTE 60", "DURATION 8", "DURATION 4", "SHIFT 4", "VOICE 0", "NOTE 74", "DURATION 4"),
        *("BAR", "SHIFT 4", "END"),
    ]
    assert encoding.decode(encoding.encode(piece), qpm=90) == replace(piece, tempos=(Tempo(0, 90),))


def test_velocities_fall_into_bins_of_the_same_size() -> None:
    encoding = Encoding(Settings(velocities=4))
    piece = NoteSequence(tuple(Note(0, 60, 1, velocity=v) for v in range(1, 128)))
    kept = sorted({note.velocity for note in encoding.rounded(piece).notes})
    assert kept == [16, 48, 80, 112]
    exact = Encoding(Settings(velocities=127))
    assert exact.rounded(piece) == piece


def test_drums_are_left_out() -> None:
    piece = NoteSequence((Note(0, 36, 1, drum=True), Note(0, 60, 1)))
    assert Encoding(Settings()).rounded(piece).notes == (Note(0, 60, 1),)


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (NoteSequence((Note(0, 20, 1),)), "G♯0 has no token; this encoding has A0 to C8"),
        (NoteSequence((Note(0, 60, 1, voice=2),)), "Voice 3 has no token"),
        (NoteSequence((), metres=(Metre(0, 17, 4),)), "17/4 has no token"),
        (NoteSequence((), metres=(Metre(0, 4, 32),)), "4/32 has no token"),
    ],
)
def test_what_has_no_token_is_named(piece: NoteSequence, says: str) -> None:
    with pytest.raises(MusicError, match=says):
        Encoding(Settings(voices=2)).encode(piece)


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["START", "DURATION 3"], "Token 1, DURATION 3, can't follow START"),
        (["NOTE 60"], "end with NOTE 60"),
        (["START", "NOTE 60", "DURATION 3", "DURATION 1"], "DURATION 1, can't follow DURATION 3"),
        (["END", "BAR"], "BAR, can't follow END"),
        (["METRE 3", "MODE minor"], "MODE minor, can't follow METRE 3"),
    ],
)
def test_nonsense_is_refused(tokens: list[str], says: str) -> None:
    encoding = Encoding(Settings())
    with pytest.raises(MusicError, match=says):
        encoding.decode([encoding.number[token] for token in tokens])
    with pytest.raises(MusicError, match="has number 9999"):
        encoding.decode([9999])


@pytest.mark.parametrize(
    "settings",
    [
        {"steps_per_beat": 0},
        {"longest": 0},
        {"lowest": 90, "highest": 80},
        {"velocities": 128},
        {"voices": 0},
    ],
)
def test_settings_are_checked(settings: dict[str, int]) -> None:
    with pytest.raises(MusicError, match="got"):
        Settings(**settings)
