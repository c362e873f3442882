"""ABC: each thing that a tune can be written with, worked out by hand, and the printed collections as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import MusicError
from speechgru.music import NoteSequence
from speechgru.music.files import abc
from speechgru.music.files.abc import Tune
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre, Tempo


def tune(body: str, *, key: str = "C", header: str = "M:4/4\nL:1/4\n") -> Tune:
    found = abc.parse(f"X:1\nT:Test\n{header}K:{key}\n{body}\n")
    assert not found.broken, found.broken[0]
    return found.tunes[0]


def fault(body: str, *, key: str = "C", header: str = "M:4/4\nL:1/4\n") -> str:
    found = abc.parse(f"X:1\nT:Test\n{header}K:{key}\n{body}\n")
    assert not found.tunes
    return str(found.broken[0])


def notes(body: str, **how: str) -> list[tuple[int, float, float]]:
    """Pitch, start and length."""
    return [(n.pitch, n.start, n.length) for n in tune(body, **how).notes.notes]


def pitches(body: str, **how: str) -> list[int]:
    return [n.pitch for n in tune(body, **how).notes.notes]


def lengths(body: str, **how: str) -> list[float]:
    return [pytest.approx(n.length) for n in tune(body, **how).notes.notes]


FREE = "M:none\nL:1/4\n"


def test_letters_octaves_and_lengths() -> None:
    assert pitches("C,, C, C c c' c''|") == [36, 48, 60, 72, 84, 96]
    assert pitches("C' c,|") == [72, 60]
    assert lengths("A A2 A/2 A/ A// A3/2 A/4", header=FREE) == [1, 2, 0.5, 0.5, 0.25, 1.5, 0.25]
    assert [n.start for n in tune("A2zB", header=FREE).notes.notes] == [0, 3]


@pytest.mark.parametrize(
    ("key", "scale"),
    [
        ("C", [60, 62, 64, 65, 67, 69, 71]),
        ("G", [60, 62, 64, 66, 67, 69, 71]),
        ("Bb", [60, 62, 63, 65, 67, 69, 70]),
        ("Am", [60, 62, 64, 65, 67, 69, 71]),
        ("F#m", [61, 62, 64, 66, 68, 69, 71]),
        ("Ador", [60, 62, 64, 66, 67, 69, 71]),
        ("D Mixolydian", [60, 62, 64, 66, 67, 69, 71]),
        ("E phr", [60, 62, 64, 65, 67, 69, 71]),
        ("FLydian", [60, 62, 64, 65, 67, 69, 71]),
        ("B locrian", [60, 62, 64, 65, 67, 69, 71]),
        ("Hp", [61, 62, 64, 66, 67, 69, 71]),
        ("Dmix=c ^g clef=treble", [60, 62, 64, 66, 68, 69, 71]),
        ("D exp _b", [60, 62, 64, 65, 67, 69, 70]),
        ("none", [60, 62, 64, 65, 67, 69, 71]),
    ],
)
def test_key_signatures(key: str, scale: list[int]) -> None:
    assert pitches("CDEFGAB", key=key, header=FREE) == scale


def test_accidentals_last_for_the_bar_in_all_octaves() -> None:
    assert pitches("^F f F =F | F", key="C") == [66, 78, 66, 65, 65]
    assert pitches("^^C __D", header=FREE) == [62, 60]
    assert pitches("=F F | F", key="G") == [65, 65, 66]


def test_broken_rhythm() -> None:
    assert lengths("A>B c<d A>>B A<<<B", header=FREE) == [1.5, 0.5, 0.5, 1.5, 1.75, 0.25, 0.125, 1.875]
    assert lengths("A>{g}B", header=FREE) == [1.5, 0.5]


def test_tuplets() -> None:
    assert lengths("(3ABc d", header=FREE) == [2 / 3] * 3 + [1]
    assert lengths("(2AB (4ABcd", header="M:6/8\nL:1/4\n") == [1.5] * 2 + [0.75] * 4
    assert lengths("(5ABcde", header="M:6/8\nL:1/4\n") == [0.6] * 5
    assert lengths("(5ABcde", header="M:2/4\nL:1/4\n") == [0.4] * 5
    assert lengths("(3:2:2 A2B c", header=FREE) == [4 / 3, 2 / 3, 1]
    assert lengths("(3::4 ABcd e", header=FREE) == [2 / 3] * 4 + [1]


def test_ties_join_and_slurs_between_pitches_do_not() -> None:
    assert notes("A2-A B-c", header=FREE) == [(69, 0, 3), (71, 3, 1), (72, 4, 1)]
    # The sharp goes with the tie across the bar line, and no further.
    assert notes("C3 ^F-|F F", header=FREE) == [(60, 0, 3), (66, 3, 2), (65, 5, 1)]
    assert notes("[CE]-[CG]", header=FREE) == [(60, 0, 2), (64, 0, 1), (67, 1, 1)]
    assert notes("[C-E][CG]", header=FREE) == [(60, 0, 2), (64, 0, 1), (67, 1, 1)]


def test_chords_last_as_long_as_their_first_note() -> None:
    assert notes("[C2E]2 G", header=FREE) == [(60, 0, 4), (64, 0, 4), (67, 4, 1)]


def test_what_is_no_note_is_passed_over() -> None:
    assert pitches('"Am"!trill!~A {gab}(.B u+fermata+c) `d y2 HTe!', header=FREE) == [69, 71, 72, 74, 76]
    assert pitches("A B \\\nc d % e f\n% g\nw: words of a song\ne=20", header=FREE) == [69, 71, 72, 74, 76]


@pytest.mark.parametrize(
    ("body", "played"),
    [
        ("A2|:B2:|c2", "A B B c"),
        ("A2|B2:|c2:|", "A B A B c c"),
        ("|:A2::B2:|", "A A B B"),
        ("|:A2:||:B2:|", "A A B B"),
        ("|:A2|1 B2:|2 c2||d2:|", "A B A c d d"),
        ("|:A2|[1 B2|d2:|[2 c2|e2|]f2", "A B d A c e f"),
        ("|:A2|1 B2|2 c2|]", "A B A c"),
        ("|:A2|1,3 B2:|2 c2:|", "A B A c A B"),
        ("|:A2|[1-2 B2:|[3 c2||", "A B A B A c"),
        ("A2||B2:|", "A B B"),
        ("|:A2||B2:|c2", "A B A B c"),
        ("A2::|B2", "A A A B"),
        ("|:A2|:B2:|", "A B B"),
        ("|:A2|B2\n:|\n|:c2|d2\n:|", "A B A B c d c d"),
    ],
)
def test_repeats_are_written_out(body: str, played: str) -> None:
    names = {69: "A", 71: "B", 72: "c", 74: "d", 76: "e", 77: "f"}
    assert " ".join(names[p] for p in pitches(body, header=FREE)) == played


def test_parts_are_played_in_order() -> None:
    head = FREE + "P:ABA2\n"
    assert pitches("P:A\nA2:|\nP:B\nB2|", header=head) == [69, 69, 71, 69, 69, 69, 69]
    assert pitches("P:A\nA2|\nP:C\nB2|", header=head) == [69, 71]


def test_a_tune_does_not_grow_without_bounds() -> None:
    assert "more than 100 parts" in fault("P:A\nA2|", header=FREE + f"P:{'A9' * 1000}\n")
    assert "more than 10000 bars" in fault("|:A:|" * 6000, header=FREE)


def test_upbeats_end_a_whole_bar() -> None:
    found = tune("G|cdef|g4|", header="M:4/4\nL:1/4\nQ:1/4=90\n", key="Am").notes
    assert [n.start for n in found.notes] == [3, 4, 5, 6, 7, 8]
    assert found.bar_lines() == [0, 4, 8]
    assert (found.tempos, found.keys, found.metres, found.length) == (
        (Tempo(0, 90),),
        (KeyChange(0, Key("A", "minor")),),
        (Metre(0, 4, 4),),
        12,
    )


def test_changes_hold_where_they_stand_and_repeats_go_back() -> None:
    found = tune("|:FF FF|[K:D][M:2/4][Q:1/4=60] F2:|", header="M:C\nL:1/4\nQ:1/2=60\n").notes
    assert [n.pitch for n in found.notes] == [65] * 4 + [66] + [65] * 4 + [66]
    assert [(c.beat, str(c.key)) for c in found.keys] == [
        (0, "C major"),
        (4, "D major"),
        (6, "C major"),
        (10, "D major"),
    ]
    assert [(m.beat, str(m)) for m in found.metres] == [(0, "4/4"), (4, "2/4"), (6, "4/4"), (10, "2/4")]
    assert [(t.beat, t.qpm) for t in found.tempos] == [(0, 120), (4, 60), (6, 120), (10, 60)]


@pytest.mark.parametrize(
    ("header", "length"),
    [("M:2/4\n", 0.25), ("M:3/4\n", 0.5), ("M:C|\n", 0.5), ("", 0.5), ("L:1/16\nM:C\n", 0.25)],
)
def test_the_unit_length_follows_the_metre(header: str, length: float) -> None:
    assert lengths("A", header=header) == [length]


@pytest.mark.parametrize(
    ("tempo", "qpm"), [("1/4=90", 90), ("3/8=60", 90), ('"Slow" 1/2=40', 80), ("120", 60), ("1/8 3/8=30", 60)]
)
def test_tempos(tempo: str, qpm: float) -> None:
    assert tune("A", header=f"M:4/4\nL:1/8\nQ:{tempo}\n").notes.tempos == (Tempo(0, qpm),)


def test_bars_are_measured() -> None:
    found = tune("G|cdef|gaba|gab|c3:|G|cdef|gaba|c3|]")
    assert (found.bars, found.odd_bars) == (5, 1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("A B @ c", "'@ c' in column 5"),
        ("A [CE", "ends within a chord"),
        ("[]", "chord without notes"),
        ("[CE|G]", "bar line within a chord"),
        ("A999", "out of range"),
        ("A///////////", "out of range"),
        (">A", "between two notes"),
        ("A>", "ends within"),
        ("z4", "no notes"),
        ("V:1\nA\nV:2\nB", "several voices"),
        ("A & B", "'& B'"),
        ("C,,,,,,,,", "beyond the range"),
        ("[M:x]A", "metre 'x'"),
        ("[K:G#]A", "8 sharps"),
        ("(1A", "two notes at least"),
        ("[Q:1/4=0]A", "tempo"),
    ],
)
def test_a_broken_tune_is_named_with_its_line(body: str, says: str) -> None:
    text = fault(body)
    assert says in text and "tune 1, Test" in text
    assert "line 6:" in text or says in ("ends within", "several voices", "no notes")


def test_broken_tunes_do_not_spoil_the_others() -> None:
    text = "X:1\nT:Good\nK:G\nA\n\nX:2\nT:Bad\nK:G\nA ?\n\nsome words\n\nX:3\nT:No key\nA\nX:4\nK:D\nB\n"
    found = abc.parse(text)
    assert [(t.number, t.line) for t in found.tunes] == [("1", 1), ("4", 16)]
    assert [(b.number, b.fault_line) for b in found.broken] == [("2", 9), ("3", 15)]


@pytest.mark.parametrize(("data", "says"), [(b"hello", "no tune"), (b"X:1\0", "not text"), (b"", "no tune")])
def test_bad_files_are_named(data: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_bytes(data)
    with pytest.raises(MusicError, match=says):
        abc.read(tmp_path / "a.abc")
    with pytest.raises(MusicError, match=r"b\.abc"):
        abc.read(tmp_path / "b.abc")


def test_a_tune_of_which_nothing_is_played_is_broken() -> None:
    (broken,) = abc.parse("X:1\nM:3/4\nK:G\n|2A").broken
    assert "no note of the tune is played" in broken.fault


@given(st.text(alphabet="ABCdefgz|:[]()12345/<>-^_=,'\"!{}~ \n\\KMLQ&", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = abc.parse(f"X:1\nM:3/4\nK:G\n{text}")
    assert len(found.tunes) + len(found.broken) >= 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 8)), min_size=1, max_size=30), st.integers(1, 3))
def test_a_plain_tune_plays_as_written(steps: list[tuple[int, int]], times: int) -> None:
    """Notes of C major with lengths, `times` over: the same notes one after another."""
    names = "CDEFGABcde"
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]
    body = " ".join(f"{names[step]}{length}" for step, length in steps) + ":" * (times - 1) + "|"
    expected, now = [], 0
    for step, length in steps * times:
        expected.append((scale[step], now, length))
        now += length
    assert notes(body, header=FREE) == expected


@pytest.mark.parametrize(
    ("book", "tunes"), [("airdsAirs", 1180), ("oneills1850", 2009), ("ryansMammoth", 1059)]
)
def test_the_printed_collections(book: str, tunes: int, data_root: Path) -> None:
    files = sorted((data_root / "music" / "folk" / book).glob("*.abc"))
    if not files:
        pytest.skip("the shared data has no folk tunes")
    # A part of each is enough for every day.
    found = [abc.read(path) for path in files[:: max(5, len(files) // 40)]]
    good = [tune for collection in found for tune in collection.tunes]
    broken = sum(len(collection.broken) for collection in found)
    assert len(good) + broken <= tunes
    assert len(good) / (len(good) + broken) >= 0.95
    assert 1 - sum(t.odd_bars for t in good) / sum(t.bars for t in good) >= 0.98
    assert all(isinstance(t.notes, NoteSequence) and t.notes.metres for t in good)
