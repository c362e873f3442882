"""The copy check: against comparing every place with every other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.music import Note, NoteSequence
from speechgru.music.evaluation.plagiarism import Index, Passage, read_moves

lines = st.lists(st.integers(60, 63), max_size=25)


def tune(pitches: list[int], length: float = 0.5) -> NoteSequence:
    return NoteSequence(tuple(Note(i * length, p, (i + 1) * length) for i, p in enumerate(pitches)))


def plainly(piece: NoteSequence, others: list[NoteSequence]) -> int:
    """Length of the longest common run of moves."""
    mine = read_moves(piece)[1]
    best = 0
    for theirs in (read_moves(other)[1] for other in others):
        for a in range(len(mine)):
            for b in range(len(theirs)):
                run = 0
                while a + run < len(mine) and b + run < len(theirs) and mine[a + run] == theirs[b + run]:
                    run += 1
                best = max(best, run)
    return best


@given(lines, st.lists(lines, max_size=4))
def test_the_longest_passage_is_found(pitches: list[int], others: list[list[int]]) -> None:
    piece, pieces = tune(pitches), [tune(other, 1.0) for other in others]
    found = Index(pieces).longest(piece)
    assert found.moves == plainly(piece, pieces)
    if found.moves:
        assert found.share == found.moves / (len(pitches) - 1)
        assert found.beats == found.moves * 0.5
        first, theirs = round(found.start * 2), round(found.piece_start)
        copied = [p - pitches[first] for p in pitches[first : first + found.moves + 1]]
        original = others[found.piece][theirs : theirs + found.moves + 1]
        assert copied == [p - original[0] for p in original]
    else:
        assert found == Passage()


def test_transposed_and_in_another_rhythm_it_is_the_same() -> None:
    theme = [60, 62, 64, 65, 67, 67, 69, 69, 67]
    other = [50, 51, 55, *(p + 3 for p in theme), 40, 41]
    found = Index([tune([60, 60, 72]), tune(other, 2.0)]).longest(tune([80, *theme, 30]))
    assert found == Passage(moves=8, beats=4.0, start=0.5, piece=1, piece_start=6.0, share=0.8)


def test_no_passage_goes_from_one_piece_into_the_next() -> None:
    theme = list(range(60, 70))
    assert Index([tune(theme[:5]), tune(theme[5:])]).longest(tune(theme)).moves == 4


def test_chords_are_compared_as_a_whole() -> None:
    def chorale(*chords: list[int]) -> NoteSequence:
        return NoteSequence(
            tuple(Note(i, p, i + 1, voice=v) for i, c in enumerate(chords) for v, p in enumerate(c))
        )

    one = chorale([48, 60, 64], [43, 59, 62], [48, 60, 64])
    up = chorale([50, 62, 66], [45, 61, 64], [50, 62, 66])
    other = chorale([48, 60, 64], [43, 59, 62], [48, 60, 67])
    assert Index([one]).longest(up).moves == 2
    assert Index([other]).longest(one).moves == 1


def test_drums_and_silence_are_nothing() -> None:
    drums = NoteSequence(tuple(Note(i, 36, i + 1, drum=True) for i in range(9)))
    assert Index([drums, NoteSequence()]).longest(drums) == Passage()
    assert Index([]).longest(tune([60, 62])) == Passage()


@pytest.mark.parametrize("repeats", [1, 40])
def test_a_long_piece_against_itself_is_copied_whole(repeats: int) -> None:
    pitches = [60 + (i * i) % 7 for i in range(100)] * repeats
    found = Index([tune(pitches)]).longest(tune(pitches))
    assert (found.moves, found.share, found.start) == (100 * repeats - 1, 1.0, 0.0)
