"""What is read from a MIDI file of any resolution is the same after it was written and read again."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.music import Note, NoteSequence
from speechgru.music.files import midi


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Of any resolution: notes one after the other, a tempo, a metre."""
    division = draw(st.integers(1, midi.MOST_TICKS))
    track = mido.MidiTrack()
    for _ in range(draw(st.integers(1, 12))):
        wait, length = draw(st.integers(0, 3 * division)), draw(st.integers(1, 1000 * division))
        pitch = draw(st.integers(0, 127))
        track.append(mido.Message("note_on", note=pitch, velocity=draw(st.integers(1, 127)), time=wait))
        if draw(st.booleans()):
            track.append(mido.MetaMessage("set_tempo", tempo=draw(st.integers(1, 2**24 - 1)), time=length))
        if draw(st.booleans()):
            track.append(mido.MetaMessage("time_signature", numerator=3, denominator=8, time=length))
        track.append(mido.Message("note_off", note=pitch, time=length))
    track.append(mido.MetaMessage("end_of_track", time=draw(st.integers(0, 1000))))
    stream = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=division, tracks=[track]).save(file=stream)
    return stream.getvalue()


@given(files())
def test_a_file_of_any_resolution_is_the_same_after_it_was_written(data: bytes) -> None:
    read = midi.parse(data).notes
    assert midi.parse(midi.to_bytes(read)).notes == read


@pytest.mark.parametrize(
    ("beats", "ticks"),
    [
        ((1, 2), 480),
        ((1 / 3, 1 / 16), 480),
        ((1 / 7, 1), 7),
        ((1 / 1024, 1), 1024),
        ((5 / 7, 1 / 64), 448),
        ((1 / 32767, 1), 32767),
        ((1 / 32767, 1 / 2), 32640),  # none holds both
        ((0.1234567891, 1), 32640),
    ],
)
def test_as_few_ticks_as_hold_all_times(beats: tuple[float, float], ticks: int) -> None:
    piece = NoteSequence(tuple(Note(beat, 60, beat + 4, voice=v) for v, beat in enumerate(beats)))
    assert midi.resolution(piece) == ticks
    read = midi.parse(midi.to_bytes(piece)).notes.notes
    assert [note.start for note in read] == pytest.approx(sorted(beats), abs=0.5 / 32640)
    assert mido.MidiFile(file=io.BytesIO(midi.to_bytes(piece))).ticks_per_beat == ticks


def test_the_nottingham_collection(data_root: Path) -> None:
    files = sorted((data_root / "music" / "nottingham" / "MIDI").glob("*.mid"))
    if not files:
        pytest.skip("the shared data has no Nottingham MIDI files")
    assert len(files) == 1034
    for path in files[::13]:
        read = midi.parse(path.read_bytes(), str(path))
        assert read.notes.notes and not read.oddities.hanging
        assert midi.parse(midi.to_bytes(read.notes)).notes == read.notes
