"""Beginnings: notes as text, files, recordings; keys, scales and ranges as they are written."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.audio import encode
from speechgru.errors import AudioError, MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.files import midi, primer, recording
from speechgru.music.rendering import synth
from speechgru.music.score import scales
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import Tempo


def line(*pitches: int, length: float = 1.0, gap: float = 0.0) -> NoteSequence:
    step = length + gap
    return NoteSequence(tuple(Note(i * step, pitch, i * step + length) for i, pitch in enumerate(pitches)))


# --- text


def test_notes_as_text() -> None:
    found = primer.parse("C4 e4:1/2, F#3:2 | R Bb5:0.5 C4+E4+G4")
    assert [(note.start, note.pitch, note.end) for note in found.notes] == [
        (0, 60, 1),
        (1, 64, 1.5),
        (1.5, 54, 3.5),
        (4.5, 82, 5),
        (5, 60, 6),
        (5, 64, 6),
        (5, 67, 6),
    ]
    assert found.length == 6
    assert primer.parse("C4 R:2").length == 3, "a rest at the end counts"


@pytest.mark.parametrize(
    ("name", "pitch"),
    [
        ("C4", 60),
        ("A4", 69),
        ("B#3", 60),
        ("Cb4", 59),
        ("D♭4", 61),
        ("C-1", 0),
        ("G9", 127),
        ("F##4", 67),
        ("Bbb4", 69),
    ],
)
def test_names_of_pitches(name: str, pitch: int) -> None:
    assert scales.pitch(name) == pitch


@given(st.integers(0, 127))
def test_every_pitch_has_its_name_read_back(pitch: int) -> None:
    from speechgru.music.score.keys import pitch_name

    assert scales.pitch(pitch_name(pitch)) == pitch


@given(st.text(alphabet="ABCDEFGR#b+:/0123456789. |-", max_size=30))
def test_a_text_is_notes_or_a_clear_error(text: str) -> None:
    with contextlib.suppress(MusicError):
        assert primer.read(text).notes.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C4 H4", "'H4' is no note"),
        ("C", "'C' is no note. Expected a letter"),
        ("C4:0", "'0' is no length"),
        ("C4:1/0", "'1/0' is no length"),
        ("C4:", "'' is no length"),
        ("C4:long", "is no length"),
        ("C99", "no pitch that MIDI knows"),
        ("Cb-1", "no pitch that MIDI knows"),
        ("R R:2", "has no note"),
        ("", "has no note"),
        ("C4+", "'' is no note"),
        ("A4:999999 " * 2, "after beat 100000"),
    ],
)
def test_texts_that_are_no_notes(text: str, message: str) -> None:
    with pytest.raises(MusicError, match=message):
        primer.read(text)


# --- files


def test_files_are_read_by_what_they_are(tmp_path: Path) -> None:
    piece = NoteSequence((Note(0, 60, 1), Note(1, 62, 3)), (Tempo(0, 150),))
    midi.write(tmp_path / "a.MID", piece)
    assert primer.read(str(tmp_path / "a.MID")).notes == piece
    assert primer.read(str(tmp_path / "a.MID"), 60.0).notes.tempos == (Tempo(0, 60),)
    tunes = "X:1\nT:First\nL:1/4\nM:3/4\nK:G\nGAB|\n\nX:2\nT:Second\nK:D\nD|\n"
    (tmp_path / "a.abc").write_text(tunes)
    found = primer.read(str(tmp_path / "a.abc"))
    assert [note.pitch for note in found.notes.notes] == [67, 69, 71] and found.notes.keys[0].key == Key("G")
    assert "has 2 tunes; the first one, First, is taken" in found.remark


def test_files_that_are_no_music(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.mid", b"hello", "is not a MIDI file"),
        ("b.abc", b"X:1\nT:Odd\nK:G\nG ? A\n\nX:2\nK:G\nG\n", "line 4: .*tune 1, Odd"),
        ("c.abc", b"no tune", "has no tune"),
        ("d.txt", b"C4", "neither MIDI .* nor ABC"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MusicError, match=message):
            primer.read(str(tmp_path / name))
    midi.write(tmp_path / "drums.mid", NoteSequence((Note(0, 36, 1, drum=True),)))
    with pytest.raises(MusicError, match="no note in it, drums aside"):
        primer.read(str(tmp_path / "drums.mid"))
    for name in ("missing.mid", "missing.abc", "missing.wav"):
        with pytest.raises(MusicError, match="doesn't exist"):
            primer.read(str(tmp_path / name))


# --- recordings


def hertz(*parts: tuple[float, float]) -> np.ndarray:
    """Frequencies of (pitch, frames) one after the other; pitch 0 is silence."""
    return np.concatenate([np.full(int(n), 440 * 2 ** ((p - 69) / 12) if p else 0.0) for p, n in parts])


def test_frames_become_notes() -> None:
    found = recording.notes_of(
        hertz((0, 10), (60, 30), (0, 5), (62, 20), (64, 20), (0, 9), (64, 7), (0, 3), (65, 8))
    )
    assert [tuple(note) for note in found] == [(10, 40, 60), (45, 65, 62), (65, 85, 64), (104, 112, 65)]
    assert recording.notes_of(np.zeros(50)) == [] == recording.notes_of(hertz((60, 7)))


def test_a_flat_singer_sings_the_right_notes() -> None:
    flat = hertz(*((pitch - 0.4, 25) for pitch in (60, 64, 67)))
    sharp = hertz(*((pitch + 0.3, 25) for pitch in (60, 64, 67)))
    assert (
        [n.pitch for n in recording.notes_of(flat)]
        == [60, 64, 67]
        == [n.pitch for n in recording.notes_of(sharp)]
    )


def test_vibrato_is_no_trill_and_a_glide_no_scale() -> None:
    time = np.arange(100)
    vibrato = 440 * 2 ** ((72 + 0.5 * np.sin(2 * np.pi * time / 18) - 69) / 12)
    assert [tuple(note) for note in recording.notes_of(vibrato)] == [(0, 100, 72)]
    glide = hertz((60, 30), *((60 + step, 1) for step in range(1, 7)), (67, 30))
    assert [note.pitch for note in recording.notes_of(glide)] == [60, 67]
    outlier = hertz((60, 20), (84, 2), (60, 20))
    assert [tuple(note) for note in recording.notes_of(outlier)] == [(0, 42, 60)]


def test_a_played_tune_is_heard(tmp_path: Path) -> None:
    sound = synth.render(line(60, 64, 62, length=0.75, gap=0.25), 16000)
    encode.write(tmp_path / "tune.wav", np.concatenate([np.zeros(4000, np.float32), sound]), 16000)
    found = primer.read(str(tmp_path / "tune.wav"), 120.0).notes
    assert [note.pitch for note in found.notes] == [60, 64, 62]
    assert [note.start for note in found.notes] == pytest.approx([0, 1, 2], abs=0.26)


def test_a_tempo_says_what_a_beat_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode.write(tmp_path / "tune.wav", np.zeros(16000, np.float32), 16000)
    sung = hertz((0, 30), (60, 50), (62, 24), (0, 2), (64, 24), (65, 48))
    monkeypatch.setattr(recording, "frequencies", lambda samples: sung)
    found = primer.read(str(tmp_path / "tune.wav"), 120.0).notes
    assert found.tempos == (Tempo(0, 120),)
    assert [(note.start, note.end) for note in found.notes] == [(0, 1), (1, 1.5), (1.5, 2), (2, 3)]
    slow = recording.read(tmp_path / "tune.wav", 60.0, 1).notes
    # Two notes fall on the first step, and two on the second: the longer ones stay.
    assert [(note.start, note.pitch, note.end) for note in slow] == [(0, 60, 1), (1, 65, 2)]


def test_recordings_without_a_tune(tmp_path: Path) -> None:
    encode.write(tmp_path / "silence.wav", np.zeros(8000, np.float32), 16000)
    with pytest.raises(MusicError, match="it has no clear pitch"):
        primer.read(str(tmp_path / "silence.wav"))
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(AudioError, match=r"broken\.wav is no recording that can be read"):
        primer.read(str(tmp_path / "broken.wav"))
    encode.write(tmp_path / "long.wav", np.zeros(61 * 16000, np.float32), 16000)
    with pytest.raises(MusicError, match="lasts 61 s"):
        primer.read(str(tmp_path / "long.wav"))


# --- one line


def test_a_melody_is_what_lies_on_top() -> None:
    piece = NoteSequence(
        (Note(0, 60, 4), Note(1, 72, 2), Note(2, 55, 3), Note(2, 71, 3), Note(3, 50, 4, voice=3))
    )
    found = primer.melody(piece)
    assert [(note.start, note.pitch, note.end) for note in found.notes] == [
        (0, 60, 1),
        (1, 72, 2),
        (2, 71, 3),
        (3, 50, 4),
    ]
    assert found.voices == [0]
    assert primer.melody(line(60, 62)).notes == line(60, 62).notes


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(40, 80), st.integers(1, 9)), min_size=1, max_size=12)
)
def test_a_melody_never_sings_two_notes_at_once(given: list[tuple[int, int, int]]) -> None:
    piece = NoteSequence(tuple(Note(start, pitch, start + length) for start, pitch, length in given))
    found = primer.melody(piece).notes
    assert all(before.end <= after.start for before, after in pairwise(found))
    for note in found:
        assert note.pitch == max(n.pitch for n in piece.notes if n.start == note.start)
    assert min(note.start for note in piece.notes) == found[0].start


# --- keys, scales, ranges


@pytest.mark.parametrize(
    ("key", "name", "classes", "tonality"),
    [
        (None, None, range(12), None),
        (None, "chromatic", range(12), None),
        ("G", None, (7, 9, 11, 0, 2, 4, 6), "G major"),
        ("A minor", None, (9, 11, 0, 2, 4, 5, 7), "A minor"),
        ("A minor", "harmonic-minor", (9, 11, 0, 2, 4, 5, 8), "A minor"),
        ("A minor", "chromatic", range(12), "A minor"),
        ("D", "dorian", (2, 4, 5, 7, 9, 11, 0), "D dorian"),
        ("C", "pentatonic", (0, 2, 4, 7, 9), "C major"),
        ("Am", "pentatonic", (9, 0, 2, 4, 7), "A minor"),
        ("G#", "minor", (8, 10, 11, 1, 3, 4, 6), "G# minor"),
        ("E minor", "blues", (4, 7, 9, 10, 11, 2), "E minor"),
    ],
)
def test_a_scale_takes_the_tonic_of_the_key(
    key: str | None, name: str | None, classes: range, tonality: str | None
) -> None:
    found = scales.scale(key, name)
    assert set(found.classes) == set(classes) and (str(found.key) if found.key else None) == tonality


def test_keys_scales_and_ranges_that_are_none() -> None:
    for key, name, message in (
        ("H", None, "no key 'H'.*major, minor, dorian"),
        ("C", "dorrian", "Did you mean 'dorian'.*pentatonic.*chromatic"),
        (None, "dorian", "needs a tonic"),
        ("G#", "lydian", "no key G# lydian"),
        ("G#", None, "no key G# major.*Write Ab"),
    ):
        with pytest.raises(MusicError, match=message):
            scales.scale(key, name)
    assert scales.pitch_range("C3-C6") == (48, 84) and scales.pitch_range("C-1 - Bb3") == (0, 58)
    for text, message in (("C3", "is no range"), ("C6-C3", "Write C3-C6"), ("C3-H4", "is no range")):
        with pytest.raises(MusicError, match=message):
            scales.pitch_range(text)
