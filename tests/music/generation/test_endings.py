"""Where tunes end that a model makes up: after whole bars, on the tonic, whatever the model says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from speechgru.music import Note, NoteSequence
from speechgru.music.generation.endings import LONGEST, PART, Ending
from speechgru.music.score import form
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre
from speechgru.music.score.tokens import Encoding, Settings

ENCODING = Encoding(Settings(steps_per_beat=4, lowest=60, highest=72, longest=16))
EVERY = np.ones(len(ENCODING), dtype=bool)


def heading(metre: Metre, key: str | None = "G", upbeat: float = 0.0) -> list[int]:
    """The tokens of a piece's beginning, its first note included."""
    keys = (KeyChange(0, Key(key)),) if key else ()
    notes = (Note(upbeat, 62, upbeat + 0.5),)
    return ENCODING.encode(NoteSequence(notes, keys=keys, metres=(metre,)))[:-1]


def made_up(
    start: list[int],
    ending: Ending,
    seed: int,
    is_line: bool = True,
    ends_here: float = 0.0,
    encoding: Encoding = ENCODING,
) -> NoteSequence:
    """A piece of tokens drawn alike, of those that may follow."""
    rng, numbers = np.random.default_rng(seed), list(start)
    shorter = np.array([not token.startswith(("METRE", "SIGNATURE")) for token in encoding.tokens])
    for number in start:
        ending.append(number)
    while numbers[-1] != encoding.end:
        logits = np.where(encoding.follows[numbers[-1]] & shorter, 0.0, -np.inf)
        if is_line and ending.sounds:
            logits[ending.begins] = -np.inf
        if rng.random() < ends_here and encoding.follows[numbers[-1], encoding.end] and ending.ends_here():
            numbers.append(encoding.end)
            break
        ending.forbid(logits)
        assert np.isfinite(logits).any(), "something may always follow"
        numbers.append(int(rng.choice(np.flatnonzero(np.isfinite(logits)))))
        ending.append(numbers[-1])
    return encoding.decode(numbers)


metres = st.sampled_from([(2, 4), (3, 4), (4, 4), (6, 8), (9, 8), (2, 2), (3, 8), (5, 4), (1, 4)])


@settings(max_examples=80, deadline=None)
@given(metres, st.integers(1, 6), st.integers(0, 3), st.integers(0, 10_000))
def test_a_number_of_bars_is_kept_and_ends_on_the_tonic(
    metre: tuple[int, int], bars: int, upbeat: int, seed: int
) -> None:
    first = Metre(0, *metre)
    start = heading(first, upbeat=min(upbeat / 4, first.bar / 2))
    piece = made_up(start, Ending(ENCODING, EVERY, bars), seed)
    assert piece.length - piece.notes[0].start == bars * first.bar
    assert max(note.end for note in piece.notes) <= piece.length and form.whole_bars(piece) == 1
    # One bar may begin so late that no tonic is reached.
    if bars > 1:
        assert form.ends_on_tonic(piece) == 1


@settings(max_examples=40, deadline=None)
@given(metres, st.floats(0.01, 0.3), st.integers(0, 10_000))
@example((1, 4), 0.03125, 401)  # a note of four bars, begun two bars before the last
def test_a_tune_ends_in_whole_bars_wherever_the_model_would(
    metre: tuple[int, int], chance: float, seed: int
) -> None:
    piece = made_up(heading(Metre(0, *metre)), Ending(ENCODING, EVERY), seed, ends_here=chance)
    assert form.whole_bars(piece) == 1 and form.ends_on_tonic(piece) == 1


def test_a_tune_whose_model_never_ends_it_has_so_many_bars() -> None:
    piece = made_up(heading(Metre(0, 1, 4)), Ending(ENCODING, EVERY), 1)
    assert piece.length == LONGEST and form.ends_on_tonic(piece) == 1


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_an_end_in_the_midst_waits_for_that_of_the_part(seed: int) -> None:
    ending = Ending(ENCODING, EVERY)
    start = heading(Metre(0, 3, 4))
    for number in start:
        ending.append(number)
    assert not ending.ends_here(), "half a beat is no bar"
    after = Ending(ENCODING, EVERY, PART)
    assert made_up(start, after, seed).length == PART * 3


def test_without_a_key_any_note_ends_it() -> None:
    ends = {
        made_up(heading(Metre(0, 2, 4), None), Ending(ENCODING, EVERY, 2), s).notes[-1].pitch
        for s in range(20)
    }
    assert len(ends) > 5


def test_notes_at_once_need_no_tonic_but_keep_to_the_bars() -> None:
    pieces = [
        made_up(heading(Metre(0, 2, 4)), Ending(ENCODING, EVERY, 3), s, is_line=False) for s in range(10)
    ]
    for piece in pieces:
        assert max(piece.length, *(note.end for note in piece.notes)) == 6
    assert {form.ends_on_tonic(piece) for piece in pieces} == {0.0, 1.0}


def test_a_tonic_that_may_not_sound_is_not_waited_for() -> None:
    may = np.array([token not in ("NOTE 67",) for token in ENCODING.tokens])
    piece = made_up(heading(Metre(0, 2, 4)), Ending(ENCODING, may, 2), 3)
    assert form.whole_bars(piece) == 1


@pytest.mark.parametrize("bars", [0, 4])
def test_nothing_ends_before_it_begins(bars: int) -> None:
    logits: Any = np.zeros(len(ENCODING))
    Ending(ENCODING, EVERY, bars).forbid(logits)
    assert logits[ENCODING.end] == -math.inf and np.isfinite(np.delete(logits, ENCODING.end)).all()


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_several_voices_always_have_a_next_word(seed: int, is_line: bool) -> None:
    many = Encoding(Settings(steps_per_beat=4, lowest=60, highest=72, longest=16, voices=3, velocities=2))
    piece = made_up(
        [many.start], Ending(many, np.ones(len(many), dtype=bool), 2), seed, is_line, encoding=many
    )
    assert max(piece.length, *(note.end for note in piece.notes)) == piece.notes[0].start + 8
