"""speechgru music info and convert: odd files are told, broken tunes leave their place free."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speechgru.cli import main
from speechgru.music import Note, NoteSequence
from speechgru.music.files import midi


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def music(*arguments: str) -> int:
    return main(["music", *arguments])


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_odd_in_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    midi.write("a.mid", NoteSequence((Note(0, 60, 1),)))
    data = bytearray(Path("a.mid").read_bytes())
    data[11] += 1
    body = b"RMIDdata" + len(data).to_bytes(4, "little") + data
    Path("b.rmi").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    odd = "1 track less than the file says, 1 RIFF file around it taken off"
    assert music("info", ".") == 0
    assert capsys.readouterr().out.splitlines()[2:] == [f"  odd: {odd}"]
    assert music("info", "b.rmi", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["oddities"] == {"absent": 1, "wrapped": 1}
    assert music("convert", "b.rmi", "-o", "c.mid") == 0
    assert capsys.readouterr().err == f"speechgru: note: b.rmi: {odd}\n"
    assert midi.read_all("c.mid") == midi.read_all("a.mid")


def test_a_broken_tune_keeps_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether it is broken or not, the others are called the same."""
    tune = "X:1\nT:Twin\nK:G\nG{}\n\n"
    for name, marks in (("whole", "ABA"), ("broken", "?BA"), ("torn", "A??")):
        Path(name).mkdir()
        Path(name, "book.abc").write_text("".join(tune.format(mark) for mark in marks))
        Path(name, "x.mid").write_bytes(b"no")
        midi.write(Path(name, "y.mid"), NoteSequence((Note(0, 60, 1),)))
        assert music("convert", name, "-o", f"made/{name}/") == 1
        assert music("convert", name, "-o", f"made/{name}/z.mid") == 1
    whole, broken, torn = (files(tmp_path / "made" / name) for name in ("whole", "broken", "torn"))
    tunes = {f"book-1-Twin{end}.mid" for end in ("", "-2", "-3")} | {f"z-{n}.mid" for n in (1, 2, 3)}
    assert whole == tunes | {"y.mid", "z-5.mid"}
    assert broken == whole - {"book-1-Twin.mid", "z-1.mid"}
    assert torn == whole - {"book-1-Twin-2.mid", "book-1-Twin-3.mid", "z-2.mid", "z-3.mid"}
    Path("none.abc").write_text(tune.format("?"))
    capsys.readouterr()
    assert music("convert", "none.abc", "-o", "none.mid") == 1
    assert capsys.readouterr().err.splitlines()[-1] == "speechgru: note: 1 of 1 tune left out"
