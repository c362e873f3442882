"""speechgru compose, and speechgru music info, convert, render: what they write, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mido
import music_models
import numpy as np
import pytest
import soundfile

from speechgru.cli import main
from speechgru.music import Note, NoteSequence
from speechgru.music.files import midi
from speechgru.music.generation import compose, harmonize
from speechgru.music.rendering import render
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre, Tempo

ABC = "X:1\nT:First tune\nL:1/4\nM:3/4\nQ:1/4=90\nK:G\nGAB|c3|\n\nX:2\nT:Odd\nK:G\nG?\n\nX:3\nT:Last\nL:1/4\nK:D\nD\n"


@pytest.fixture(scope="module")
def rolls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return music_models.rolls(tmp_path_factory.mktemp("models") / "rolls.safetensors")


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return music_models.tunes(tmp_path_factory.mktemp("models") / "tunes.safetensors")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(model: Path, *arguments: Any) -> int:
    return main(["compose", "--model", str(model), *map(str, arguments)])


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- compose


def test_midi_sound_and_picture(rolls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--bars",
        2,
        "--key",
        "A minor",
        "--tempo",
        96,
        "--range",
        "C3-C6",
        "--seed",
        5,
        "--num-outputs",
        2,
    ]
    assert run(rolls, *options, "-o", "out.mid", "--wav", "--png") == 0
    assert files(tmp_path) == [f"out-{n}.{kind}" for n in (1, 2) for kind in ("mid", "png", "wav")]
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in printed] == [
        f"out-{n}.{k}" for n in (1, 2) for k in ("mid", "wav", "png")
    ]
    assert "A minor" in printed[0] and "96 beats a minute" in printed[0]
    first, second = (midi.read(f"out-{n}.mid") for n in (1, 2))
    assert first != second and first.keys == (KeyChange(0, Key("A", "minor")),)
    assert {note.pitch % 12 for note in first.notes} <= {9, 11, 0, 2, 4, 5, 7}
    assert all(48 <= note.pitch <= 84 for note in first.notes)
    sound, rate = soundfile.read("out-1.wav")
    assert len(sound) / rate == pytest.approx(first.duration, abs=0.5) and 0.01 < np.abs(sound).max() <= 0.95
    assert Path("out-2.png").read_bytes().startswith(b"\x89PNG")


def test_the_file_says_how_it_was_made(rolls: Path) -> None:
    given = ["--steps", 12, "--temperature", 0.9, "--seed", 8, "--primer", "C4 E4", "--num-outputs", 2]
    assert run(rolls, *given, "-o", "a.mid") == 0
    (text,) = (message.text for message in mido.MidiFile("a-2.mid").tracks[0] if message.type == "text")
    found = json.loads(text)
    assert found["settings"] == {
        "steps": 12,
        "temperature": 0.9,
        "top_p": 1.0,
        "seed": 8,
        "primer": "C4 E4",
    }
    assert (found["piece"], found["of"], found["model"]["file"]) == (2, 2, "rolls.safetensors")
    assert found["model"]["corpora"] == ["jsb_chorales"]
    assert midi.read_all("a-2.mid").texts == (text,)
    # Made again by what it says, it is the same.
    assert run(rolls, *given, "-o", "b.mid") == 0
    assert Path("a-2.mid").read_bytes() == Path("b-2.mid").read_bytes()


def test_a_folder_gets_a_file_for_each(tunes: Path, tmp_path: Path) -> None:
    assert run(tunes, "--bars", 2, "--num-outputs", 2, "-o", "new/") == 0
    assert run(tunes, "--bars", 2, "-o", "new", "--metre", "3/4", "--key", "D", "--scale", "dorian") == 0
    assert files(tmp_path) == ["new/compose-1.mid", "new/compose-2.mid", "new/compose.mid"]
    found = midi.read("new/compose.mid")
    assert found.metres[0] == Metre(0, 3, 4) and {n.pitch % 12 for n in found.notes} <= {2, 4, 5, 7, 9, 11, 0}


@pytest.mark.parametrize("source", ["notes", "midi", "abc"])
def test_primers_of_all_kinds(source: str, tunes: Path) -> None:
    midi.write("begin.mid", NoteSequence((Note(0, 67, 1), Note(1, 69, 2), Note(2, 71, 3))))
    Path("begin.abc").write_text(ABC)
    given = {"notes": "G4 A4 B4", "midi": "begin.mid", "abc": "begin.abc"}[source]
    assert run(tunes, "--bars", 4, "--primer", given, "-o", "out.mid") == 0
    found = midi.read("out.mid")
    assert [note.pitch for note in found.notes[:3]] == [67, 69, 71] and len(found.notes) > 3
    assert found.tempos[0].qpm == pytest.approx(90 if source == "abc" else 120, abs=0.01)


def test_a_chorale_for_a_melody(
    rolls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harmonize, "PARTICLES", 4)
    melody = NoteSequence((Note(0, 72, 1), Note(1, 74, 1.5), Note(1.5, 76, 4)), (Tempo(0, 80),))
    midi.write("tune.mid", melody)
    assert run(rolls, "--harmonize", "tune.mid", "-o", "new/", "--num-outputs", 2) == 0
    assert files(tmp_path) == ["new/tune-1.mid", "new/tune-2.mid", "tune.mid"]
    found = midi.read("new/tune-2.mid")
    assert "4 voices" in capsys.readouterr().out and found.voices == [0, 1, 2, 3]
    soprano = [(note.start, note.pitch, note.end) for note in found.notes if note.voice == 0]
    assert soprano == [(note.start, note.pitch, note.end) for note in melody.notes]
    assert found.tempos[0].qpm == 80


def test_what_is_given_is_never_written_over(rolls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    midi.write("tune.mid", NoteSequence((Note(0, 72, 1), Note(1, 74, 2))))
    before = Path("tune.mid").read_bytes()
    for option in ("--harmonize", "--primer"):
        assert run(rolls, option, "tune.mid", "-o", "tune.mid", "--overwrite") == 2
        assert "Choose another -o" in capsys.readouterr().err
    assert Path("tune.mid").read_bytes() == before


def test_what_exists_stays(rolls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.wav").write_bytes(b"mine")
    assert run(rolls, "--steps", 4, "-o", "out.mid", "--wav") == 2
    assert "out.wav is already there. Pass --overwrite" in capsys.readouterr().err
    assert files(tmp_path) == ["out.wav"] and Path("out.wav").read_bytes() == b"mine"
    assert run(rolls, "--steps", 4, "-o", "out.mid", "--wav", "--overwrite") == 0
    assert Path("out.wav").read_bytes().startswith(b"RIFF")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--temperature", "0"], 2, "'0' is not a number above 0"),
        (["--temperature", "hot"], 2, "'hot' is not a number above 0"),
        (["--key", "H minor"], 1, "no key 'H minor'"),
        (["--key", "C", "--scale", "dorrian"], 1, "Did you mean 'dorian'"),
        (["--scale", "dorian"], 1, "needs a tonic"),
        (["--range", "C6-C3"], 1, "Write C3-C6"),
        (["--metre", "7"], 1, "'7' is no metre"),
        (["--tempo", "0"], 2, "not a number above 0"),
        (["--primer", "C4 H4"], 1, "'H4' is no note"),
        (["--primer", "C4:9", "--bars", "1"], 1, "Make the piece longer or the primer shorter"),
        (["--primer", "C4 C9"], 1, "from A-1 to C7 here; the beginning has C9"),
        (["--primer", "none.mid"], 1, "none.mid doesn't exist"),
        (["--primer", "bad.mid"], 1, "bad.mid is not a MIDI file"),
        (["--primer", "empty.mid"], 1, "has no notes"),
        (["--harmonize", "C1"], 1, "Move it by an octave"),
        (["--harmonize", "C5", "--bars", "2"], 2, "leave out --steps and --bars"),
        (["--harmonize", "C5", "--primer", "C5"], 2, "not allowed with"),
        (["--steps", "3", "--bars", "2"], 2, "not allowed with"),
        (["--steps", "0"], 2, "'0' is not a whole number of at least 1"),
        (["--num-outputs", "-1"], 2, "not a whole number"),
        (["--seed", "-1"], 2, "'-1' is not a whole number of at least 0"),
        (["-o", "out.wav"], 2, "music is written as FILE.mid"),
        (["--model", "english-small"], 1, "kind 'acoustic'"),
        (["--model", "none.safetensors"], 1, "none.safetensors does not exist"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    arguments: list[str],
    code: int,
    message: str,
    rolls: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("bad.mid").write_bytes(b"no MIDI")
    mido.MidiFile(tracks=[mido.MidiTrack()]).save("empty.mid")
    assert run(rolls, "-o", "out.mid", *arguments) == code
    assert message in capsys.readouterr().err
    assert files(tmp_path) == ["bad.mid", "empty.mid"]


def test_a_silent_piece_is_named_and_the_others_are_written(
    rolls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compose.RollComposer.compose

    def silent(*arguments: Any) -> list[NoteSequence]:
        return [NoteSequence(length=4), *made(*arguments)[1:]]

    monkeypatch.setattr(compose.RollComposer, "compose", silent)
    assert run(rolls, "--steps", 8, "-o", "out.mid", "--num-outputs", 2) == 1
    assert "out-1.mid was not written: the model let no note sound" in capsys.readouterr().err
    assert files(tmp_path) == ["out-2.mid"]


def test_an_interrupt_leaves_nothing_half_written(
    rolls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("speechgru.audio.encode._opened", interrupted)
    assert run(rolls, "--steps", 8, "-o", "out.mid", "--wav") == 130
    assert files(tmp_path) == ["out.mid"]
    assert midi.read("out.mid").notes


def test_without_a_model_the_recipe_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "ASSETS", tmp_path)
    assert main(["compose", "-o", "out.mid"]) == 1
    assert "speechgru train folk" in capsys.readouterr().err


def test_what_a_roll_cannot_hold_of_a_primer_is_told_and_written(
    rolls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(rolls, "--primer", "G4:1/2 A4:1/2 C5 C5", "--bars", 2, "-o", "out.mid") == 0
    printed = capsys.readouterr().err
    assert (
        printed.count("warning: the beginning is written as it is") == 1
        and "2 notes moved to the grid" in printed
    )
    begun = [(note.start, note.pitch) for note in midi.read("out.mid").notes if note.start < 3]
    assert begun == [(0, 67), (0.5, 69), (1, 72), (2, 72)]
    assert run(rolls, "--primer", "C4 D4", "--bars", 2, "-o", "out.mid", "--overwrite") == 0
    assert not capsys.readouterr().err


# --- music info, convert, render


def music(*arguments: Any) -> int:
    return main(["music", *map(str, arguments)])


def test_info(tunes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("book.abc").write_text(ABC)
    assert run(tunes, "--bars", 2, "--seed", 3, "-o", "made.mid") == 0
    capsys.readouterr()
    assert music("info", "book.abc", "made.mid") == 1
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert (
        lines[0]
        == "book.abc, 1 First tune: 4 notes, 6 beats, 4.0 s, G4 to C5, G major, 3/4, 90 beats a minute"
    )
    assert lines[1].startswith("book.abc, 3 Last: 1 notes") and lines[2].startswith("made.mid: ")
    assert '"seed": 3' in lines[3] and "book.abc, line 12" in printed.err
    assert printed.err.splitlines()[-1] == "speechgru: note: 1 of 3 tunes left out"
    assert music("info", "made.mid", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["pitch_classes"] >= 1


def test_abc_becomes_midi(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("book.abc").write_text(ABC)
    assert music("convert", "book.abc", "-o", "tunes/") == 1
    printed = capsys.readouterr().err
    assert "line 12" in printed and printed.splitlines()[-1] == "speechgru: note: 1 of 3 tunes left out"
    assert music("convert", "book.abc", "-o", "out.mid") == 1
    assert files(tmp_path) == [
        "book.abc",
        "out-1.mid",
        "out-3.mid",
        "tunes/book-1-First-tune.mid",
        "tunes/book-3-Last.mid",
    ]
    found = midi.read("out-1.mid")
    assert [note.pitch for note in found.notes] == [67, 69, 71, 72] and found.metres[0] == Metre(0, 3, 4)
    assert music("convert", "out-1.mid", "--transpose", -12, "--tempo", 60, "-o", "low.mid") == 0
    assert [n.pitch for n in midi.read("low.mid").notes] == [55, 57, 59, 60] and midi.read(
        "low.mid"
    ).duration == 6
    midi.write("late.mid", NoteSequence((Note(0.1, 60, 1.2), Note(1.2, 62, 2))))
    assert music("convert", "late.mid", "--grid", 2, "-o", "even.mid") == 0
    assert [(n.start, n.end) for n in midi.read("even.mid").notes] == [(0, 1), (1, 2)]


def test_sound_and_pictures(tmp_path: Path) -> None:
    piece = NoteSequence((Note(0, 60, 1), Note(1, 64, 2)))
    for name in ("a/one.mid", "b/one.mid"):
        Path(name).parent.mkdir()
        midi.write(name, piece)
    assert music("render", "a", "b", "-o", "sound/") == 0
    assert music("render", "a", "-o", "pictures/", "--format", "png") == 0
    assert music("render", "a/one.mid", "-o", "one.flac") == 0
    assert files(tmp_path) == [
        "a/one.mid",
        "b/one.mid",
        "one.flac",
        "pictures/one.png",
        "sound/one-2.wav",
        "sound/one.wav",
    ]
    assert soundfile.info("one.flac").duration == pytest.approx(1, abs=0.2)
    for suffix in (".opus", ".mp3", ".ogg"):
        assert render.save(Path(f"x{suffix}"), piece) == "" and Path(f"x{suffix}").stat().st_size > 500


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["convert", "a.mid", "-o", "a.mid", "--overwrite"], 2, "a.mid is a file that is read"),
        (["convert", "a.mid", "-o", "b.mid"], 2, "already there"),
        (["convert", "a.mid", "-o", "b.txt"], 2, "expected FILE.mid"),
        (
            ["convert", "a.mid", "-o", "c.mid", "--transpose", "99"],
            1,
            "a.mid: A note's pitch must be 0 to 127",
        ),
        (["convert", "a.mid", "-o", "c.mid", "--tempo", "-3"], 2, "not a number above 0"),
        (["convert", "a.mid", "-o", "c.mid", "--grid", "999"], 1, "1 to 96 steps"),
        (["convert", "none.mid", "-o", "c.mid"], 1, "none.mid doesn't exist"),
        (["render", "a.mid", "-o", "c.txt"], 2, "expected FILE.wav"),
        (["render", "a.mid", "-o", "c.wav", "--format", "png"], 2, "--format is for a folder"),
        (["render", "bad.mid", "-o", "c.wav"], 1, "bad.mid is not a MIDI file"),
        (["info", "bad.mid"], 1, "bad.mid is not a MIDI file"),
    ],
)
def test_what_they_refuse(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.mid", "b.mid"):
        midi.write(name, NoteSequence((Note(0, 60, 1),)))
    Path("bad.mid").write_bytes(b"no")
    before = {name: Path(name).read_bytes() for name in files(tmp_path)}
    assert music(*arguments) == code
    assert message in capsys.readouterr().err
    assert {name: Path(name).read_bytes() for name in files(tmp_path)} == before
