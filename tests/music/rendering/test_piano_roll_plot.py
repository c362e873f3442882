"""The picture of a piece: what is drawn where, and that it is a PNG."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.colors import to_hex

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.rendering import piano_roll_plot
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre

PIECE = NoteSequence(
    (Note(0, 60, 1), Note(1, 64, 2, voice=1), Note(11, 67, 13), Note(0, 36, 1, voice=2, drum=True)),
    keys=(KeyChange(0, Key("C", "dorian")),),
    metres=(Metre(0, 3, 4),),
    length=30,
)


def test_notes_bars_and_names_are_drawn() -> None:
    figure = piano_roll_plot.draw(PIECE, "A tune")
    assert len(figure.axes) == 2  # ten bars, eight a row
    first = figure.axes[0]
    bars = [
        (p.get_x(), p.get_width(), p.get_y() + p.get_height() / 2, to_hex(p.get_facecolor()))
        for c in first.containers
        for p in c
    ]
    assert sorted(bar[:3] for bar in bars) == [(0, 1, 36), (0, 1, 60), (1, 1, 64), (11, 2, 67)]
    assert len({colour for *_, colour in bars}) == 3
    assert [tick.get_text() for tick in first.get_xticklabels()] == [str(n) for n in range(1, 9)]
    assert [tick.get_text() for tick in figure.axes[1].get_xticklabels()] == ["9", "10"]
    assert {"C2", "D4", "E4", "F♯4", "G4"} <= {tick.get_text() for tick in first.get_yticklabels()}
    assert figure.texts[0].get_text() == "A tune   (C dorian, 3/4, ♩ = 120)"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Voice 1", "Voice 2", "Drums"]
    # Bars are as wide in the last row as in the first.
    assert [axes.get_xlim()[1] - axes.get_xlim()[0] for axes in figure.axes] == [24, 24]


def test_every_row_is_named_and_those_that_sound_stand_out() -> None:
    (axes,) = piano_roll_plot.draw(NoteSequence((Note(0, 62, 1), Note(1, 66, 2)))).axes
    named = {tick.get_text(): to_hex(tick.get_color()) for tick in axes.get_yticklabels()}
    low, high = (round(end) for end in axes.get_ylim())
    assert len(named) == high - low
    assert {name for name, colour in named.items() if colour == "#000000"} == {"D4", "F♯4"}
    piano_roll_plot.draw(NoteSequence((Note(0, 0, 1), Note(0, 127, 1))))  # beyond them there are no names


@pytest.mark.parametrize(
    ("metre", "beats"),
    [
        ((6, 8), [1.5]),
        ((9, 8), [1.5, 3]),
        ((12, 8), [1.5, 3, 4.5]),
        ((6, 16), [0.75]),
        ((3, 8), [0.5, 1]),
        ((7, 8), [0.5, 1, 1.5, 2, 2.5, 3]),
        ((4, 4), [1, 2, 3]),
        ((3, 4), [1, 2]),
        ((2, 2), [2]),
    ],
)
def test_beats_are_those_of_the_metre(metre: tuple[int, int], beats: list[float]) -> None:
    bar = Metre(0, *metre).bar
    (axes,) = piano_roll_plot.draw(NoteSequence((Note(0, 60, 2 * bar),), metres=(Metre(0, *metre),))).axes
    lines = [
        float(line.get_xdata()[0]) for line in axes.lines if line.get_color() == piano_roll_plot._BEAT_LINE
    ]  # type: ignore[index]
    assert lines == [*beats, *(bar + beat for beat in beats)]


def test_beats_change_with_the_metre() -> None:
    metres = (Metre(0, 3, 4), Metre(3, 6, 8))
    (axes,) = piano_roll_plot.draw(NoteSequence((Note(0, 60, 6),), metres=metres)).axes
    lines = [
        float(line.get_xdata()[0]) for line in axes.lines if line.get_color() == piano_roll_plot._BEAT_LINE
    ]  # type: ignore[index]
    assert lines == [1, 2, 4.5]


def test_four_voices_have_names() -> None:
    figure = piano_roll_plot.draw(NoteSequence(tuple(Note(0, 72 - 7 * v, 1, voice=v) for v in range(4))))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert not piano_roll_plot.draw(NoteSequence((Note(0, 60, 1),))).legends


def test_it_is_saved_as_png_and_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piano_roll_plot, "ROWS", 2)
    path = tmp_path / "a.png"
    assert piano_roll_plot.save(path, PIECE) == ""
    assert path.read_bytes().startswith(b"\x89PNG")
    long = NoteSequence(tuple(Note(i, 60, i + 1) for i in range(0, 80, 10)))
    assert "first 16 of 18 bars" in piano_roll_plot.save(path, long)


def test_nothing_is_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(MusicError, match="no notes"):
        piano_roll_plot.save(tmp_path / "a.png", NoteSequence(length=4))
    assert not list(tmp_path.iterdir())
