"""MIDI files: what is written is read again, odd files are understood, bad ones are named."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from itertools import accumulate
from pathlib import Path

import mido
import music_strategies
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.files import midi
from speechgru.music.files.midi import Oddities
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre, Tempo

TICKS = 24


@st.composite
def pieces(draw: st.DrawFn) -> NoteSequence:
    """On the grid of TICKS, without notes of one pitch and voice within each other, voices numbered without gaps."""
    voices = draw(st.integers(1, 18))
    drums = draw(st.integers(0, voices))  # this voice, if there is one of that number, is the drums'
    free: dict[tuple[int, int], int] = {}
    notes = []
    for voice in [*range(voices), *draw(st.lists(st.integers(0, voices - 1), max_size=20))]:
        pitch = draw(st.integers(0, 127))
        start = free.get((voice, pitch), 0) + draw(st.integers(0, 100))
        end = start + draw(st.integers(1, 100))
        free[voice, pitch] = end
        velocity = draw(st.integers(1, 127))
        notes.append(Note(start / TICKS, pitch, end / TICKS, velocity, voice, voice == drums))
    # The drums come last among voices that share a track number, so no other voice changes its number.
    ticks = st.lists(st.integers(0, 400), unique=True, max_size=3).map(sorted)
    tempos = tuple(
        Tempo(t / TICKS, 60e6 / draw(st.integers(1, 2**24 - 1))) for t in [0, *(t for t in draw(ticks) if t)]
    )
    modes = st.sampled_from(["major", "minor"])
    some_key = st.builds(lambda f, m: Key.of(0, m).transposed(f), st.integers(0, 11), modes)
    keys = tuple(KeyChange(t / TICKS, draw(some_key)) for t in draw(ticks))
    metres = tuple(
        Metre(t / TICKS, draw(st.integers(1, 12)), draw(st.sampled_from([1, 2, 4, 8, 16])))
        for t in draw(ticks)
    )
    return NoteSequence(tuple(notes), tempos, keys, metres, draw(st.integers(0, 1000)) / TICKS)


@given(pieces())
def test_what_is_written_is_read_again(piece: NoteSequence) -> None:
    read = midi.parse(midi.to_bytes(piece, TICKS))
    # A change after the last note makes a file longer.
    longest = max(piece.length, *(c.beat for c in (*piece.tempos, *piece.keys, *piece.metres)))
    assert read.notes == NoteSequence(piece.notes, piece.tempos, piece.keys, piece.metres, longest)
    assert not read.oddities


@given(music_strategies.notes(TICKS, 40, (60, 62), 40, least=1))
def test_any_overlap_keeps_what_is_heard(notes: list[Note]) -> None:
    """Notes within each other change their ends, but how many begin and end at each tick doesn't."""
    read = midi.parse(midi.to_bytes(NoteSequence(tuple(notes)), TICKS)).notes
    assert sorted((n.pitch, n.start) for n in read.notes) == sorted((n.pitch, n.start) for n in notes)
    assert sorted((n.pitch, n.end) for n in read.notes) == sorted((n.pitch, n.end) for n in notes)
    assert midi.parse(midi.to_bytes(read, TICKS)).notes == read


def chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "big") + data


def midi_file(*tracks: bytes, kind: int = 0, division: bytes = b"\0\x60") -> bytes:
    head = kind.to_bytes(2, "big") + len(tracks).to_bytes(2, "big") + division
    return chunk(b"MThd", head) + b"".join(chunk(b"MTrk", track) for track in tracks)


END = b"\0\xff\x2f\0"


def test_running_status_and_note_on_with_velocity_0() -> None:
    track = b"\0\x90\x3c\x50" + b"\x60\x3c\0" + b"\0\x3e\x40" + b"\x60\x3e\0" + END
    notes = midi.parse(midi_file(track)).notes
    assert notes.notes == (Note(0, 60, 1, 80), Note(1, 62, 2, 64))


def test_hanging_notes_end_with_their_track_and_are_counted() -> None:
    track = b"\0\x90\x3c\x50" + b"\x30\x90\x3e\x50" + b"\x30\x80\x3e\0" + b"\x60" + END[1:]
    read = midi.parse(midi_file(track))
    assert read.notes.notes == (Note(0, 60, 2), Note(0.5, 62, 1))
    assert read.oddities == Oddities(hanging=1)


def test_of_two_held_notes_of_a_pitch_the_first_ends_first() -> None:
    track = b"\0\x90\x3c\x50" + b"\x30\x90\x3c\x40" + b"\x30\x80\x3c\0" + b"\x30\x80\x3c\0" + END
    assert midi.parse(midi_file(track)).notes.notes == (Note(0, 60, 1, 80), Note(0.5, 60, 1.5, 64))


def test_empty_notes_and_stray_releases_are_counted() -> None:
    track = (
        b"\0\x80\x40\0" + b"\0\x90\x3c\x50" + b"\0\x80\x3c\0" + b"\0\x90\x3e\x50" + b"\x60\x80\x3e\0" + END
    )
    read = midi.parse(midi_file(track))
    assert read.notes.notes == (Note(0, 62, 1),)
    assert read.oddities == Oddities(empty=1, stray=1)


def test_drums_are_a_voice_of_their_own() -> None:
    track = b"\0\x90\x3c\x50" + b"\0\x99\x24\x50" + b"\x60\x80\x3c\0" + b"\0\x89\x24\0" + END
    notes = midi.parse(midi_file(track)).notes
    assert notes.notes == (Note(0, 36, 1, voice=1, drum=True), Note(0, 60, 1, voice=0))
    assert notes.pitched() == [Note(0, 60, 1)]


def test_tempos_of_all_tracks_count() -> None:
    slow, fast = b"\xff\x51\3\x0f\x42\x40", b"\xff\x51\3\x07\xa1\x20"  # a second, half a second a beat
    first = b"\0" + slow + b"\x60\x90\x3c\x50" + b"\x60\x80\x3c\0" + END
    second = b"\x60" + fast + b"\0\xff\x51\3\0\0\0" + END
    read = midi.parse(midi_file(first, second, kind=1))
    assert read.notes.tempos == (Tempo(0, 60), Tempo(1, 120))
    assert [read.notes.seconds(beat) for beat in (0, 1, 2)] == [0, 1, 1.5]
    assert read.oddities == Oddities(senseless=1)


BEAT = b"\0\x90\x3c\x50" + b"\x60\x80\x3c\0" + END  # one note


@pytest.mark.parametrize(
    "event",
    [
        b"\xff\x59\2\x09\0",  # nine sharps
        b"\xff\x59\2\0\2",  # neither major nor minor
        b"\xff\x59\1\0",
        b"\xff\x51\1\x07",
        b"\xff\x51\3\0\0\0",
        b"\xff\x58\4\0\2\x18\x08",
        b"\xff\x58\4\4\xff\x18\x08",
    ],
)
def test_a_senseless_change_is_left_out(event: bytes) -> None:
    read = midi.parse(midi_file(b"\0" + event + BEAT))
    assert read.oddities == Oddities(senseless=1) and read.notes == NoteSequence((Note(0, 60, 1),))


def test_a_data_byte_above_127_is_taken_as_127() -> None:
    track = b"\0\x90\x3c\xff" + b"\0\xc0\x80" + b"\x60\x80\x3c\xc8" + END
    read = midi.parse(midi_file(track))
    assert read.notes.notes == (Note(0, 60, 1, 127),) and read.oddities == Oddities(clipped=3)


def test_chunks_of_another_kind_are_skipped() -> None:
    head, track = midi_file()[:-4] + b"\0\2\0\x60", chunk(b"MTrk", BEAT)
    head = head[:9] + b"\1" + head[10:]
    other = chunk(b"XFIH", b"\0MTrk\0")
    read = midi.parse(head + other + track + other + track + other)
    assert read.oddities == Oddities(unknown=2)  # nobody looks for more after the last track
    assert read.notes == midi.parse(head + track + track).notes and read.notes.voices == [0, 1]


@pytest.mark.parametrize("padding", [b"", b"\0", b"\r\n\0\0"])
def test_tracks_that_the_header_counts_may_be_missing(padding: bytes) -> None:
    data = bytearray(midi_file(BEAT, kind=1))
    data[11] = 4
    read = midi.parse(bytes(data) + padding)
    assert read.oddities == Oddities(absent=3) and read.notes == midi.parse(midi_file(BEAT)).notes
    with pytest.raises(MusicError, match="cut off"):
        midi.parse(bytes(data) + b"MTrk\0\0")


def riff(data: bytes, before: bytes = b"", kind: bytes = b"RMID") -> bytes:
    body = kind + before + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def test_a_file_in_a_riff_file_is_taken_out() -> None:
    plain = midi_file(BEAT)
    for before in (b"", b"DISP\3\0\0\0abc\0"):
        read = midi.parse(riff(plain, before))
        assert read.oddities == Oddities(wrapped=1) and read.notes == midi.parse(plain).notes
    with pytest.raises(MusicError, match="cut off"):
        midi.parse(riff(plain)[:-5])


def test_oddities_in_words() -> None:
    odd = Oddities(hanging=2, unknown=1) + Oddities(hanging=1, absent=3, wrapped=1)
    printed = str(odd).split(", ")
    assert printed[:2] == ["3 notes never released", "1 chunk of an unknown kind skipped"]
    assert printed[2:] == ["3 tracks less than the file says", "1 RIFF file around it taken off"]
    assert str(Oddities()) == ""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a MIDI file"),
        (b"RIFF....WAVE", "not a MIDI file"),
        (b"RIFF....RMIDDISP\0\0\0\0", "not a MIDI file: what is in the RIFF file"),
        (midi_file(BEAT)[:14], "has a header and no track"),
        (midi_file(BEAT)[:12], "cut off"),
        (chunk(b"MThd", b"\0\0\0\1"), "header has 4 bytes"),
        (midi_file(BEAT)[:14] + chunk(b"\0\1\2\3", b"") + chunk(b"MTrk", BEAT), "no chunk begins at byte 14"),
        (midi_file(b"\0\x90\x3c"), "the track ends within an event"),
        (midi_file(b"\0\xf4" + BEAT), "no status byte 0xf4"),
        (midi_file(END), "no notes"),
        (midi_file(b"\0\x90\x3c\x50" + END)[:-6], "cut off"),
        (midi_file(b"\0\x90\x3c\x50" + b"\x60\x80\x3c\0" + END, kind=2), "format 2"),
        (midi_file(END, division=b"\xe7\x28"), "frames of film"),
        (midi_file(END, division=b"\0\0"), "frames of film"),
        (midi_file(b"\0\x3c\x50" + END), "damaged"),
        (midi_file(b"\xff" * 5000), "goes on for too long"),
        (midi_file(b"\0\x90\x3c\x50" + b"\xff\xff\xff\x7f\x80\x3c\0" + END), "between beat 0 and"),
    ],
)
def test_bad_files_are_named(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    path.write_bytes(data)
    with pytest.raises(MusicError, match=says) as caught:
        midi.read(path)
    assert "tune.mid" in str(caught.value)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(MusicError, match=r"nowhere\.mid"):
        midi.read(tmp_path / "nowhere.mid")
    with pytest.raises(MusicError, match="Expected a MIDI file"):
        midi.read(tmp_path)


def _survives(data: bytes) -> None:
    with contextlib.suppress(MusicError):
        midi.parse(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _survives(data)
    _survives(midi_file(data, kind=1))


@settings(max_examples=150)
@given(
    pieces(),
    st.lists(st.tuples(st.integers(0, 10000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 400),
)
def test_a_damaged_file_is_read_or_refused(
    piece: NoteSequence, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(midi.to_bytes(piece))
    for place, value in changes:
        data[place % len(data)] = value
    _survives(bytes(data[: len(data) - cut]))


def test_an_unwritable_tempo_is_refused_before_a_file_is_begun(tmp_path: Path) -> None:
    piece = NoteSequence((Note(0, 60, 1),), (Tempo(0, 1.0),))
    with pytest.raises(MusicError, match="tempo of 1"):
        midi.write(tmp_path / "a.mid", piece)
    with pytest.raises(MusicError, match="no notes"):
        midi.write(tmp_path / "a.mid", NoteSequence(length=4))
    assert not list(tmp_path.iterdir())


def test_a_church_mode_is_written_as_its_signature(tmp_path: Path) -> None:
    piece = NoteSequence((Note(0, 62, 1),), keys=(KeyChange(0, Key("D", "dorian")),))
    midi.write(tmp_path / "a.mid", piece)
    assert midi.read(tmp_path / "a.mid").keys == (KeyChange(0, Key("C", "major")),)
    assert [m.key for m in mido.MidiFile(tmp_path / "a.mid").tracks[0] if m.type == "key_signature"] == ["C"]


@given(pieces(), st.text(st.characters(max_codepoint=126), max_size=200))
def test_mido_reads_the_same_and_writes_the_same_bytes(piece: NoteSequence, text: str) -> None:
    data = midi.to_bytes(piece, text=text)
    file = mido.MidiFile(file=io.BytesIO(data))
    saved = io.BytesIO()
    file.save(file=saved)
    assert saved.getvalue() == data
    conductor, *tracks = file.tracks
    told = Counter(message.type for message in conductor)
    assert told["set_tempo"] == len(piece.tempos) and told["time_signature"] == len(piece.metres)
    assert told["key_signature"] == len(piece.keys)
    assert [message.text for message in conductor if message.type == "text"] == [text] * bool(text)
    starts = []
    for track in tracks:
        ticks = accumulate(message.time for message in track)
        starts += [
            (tick, m.note, m.velocity) for tick, m in zip(ticks, track, strict=True) if m.type == "note_on"
        ]
    grid = file.ticks_per_beat
    assert sorted(starts) == sorted((round(n.start * grid), n.pitch, n.velocity) for n in piece.notes)


def test_other_programs_find_voices_on_tracks_and_channels() -> None:
    piece = NoteSequence(tuple(Note(0, 60 + v, 1, voice=v) for v in range(4)))
    file = mido.MidiFile(file=io.BytesIO(midi.to_bytes(piece)))
    assert [track.name for track in file.tracks] == ["", "Voice 1", "Voice 2", "Voice 3", "Voice 4"]
    assert [m.channel for t in file.tracks for m in t if m.type == "note_on"] == [0, 1, 2, 3]
    assert file.length == pytest.approx(0.5)
