"""speechgru music report: differences, copies, voice leading, and what can't be read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechgru.cli import main
from speechgru.errors import MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.evaluation import report, statistics
from speechgru.music.files import load, midi
from speechgru.music.files.load import Named
from speechgru.music.score import chorale


def tune(seed: int, steps: int = 40, low: int = 60, jump: int = 3) -> NoteSequence:
    rng = np.random.default_rng(seed)
    pitches = low + np.abs(np.cumsum(rng.integers(-jump, jump + 1, size=steps))) % 20
    return NoteSequence(tuple(Note(i / 2, int(pitch), (i + 1) / 2) for i, pitch in enumerate(pitches)))


def named(*pieces: NoteSequence) -> list[Named]:
    return [Named(f"{place}.mid", "", piece) for place, piece in enumerate(pieces)]


def four(seed: int, parallel: bool) -> NoteSequence:
    """Chords in four voices; with all of them moving in parallel, or each on a pitch of its own."""
    rng = np.random.default_rng(seed)
    top = rng.integers(70, 77, size=12)
    lower = np.stack(
        [top - 7, top - 12, top - 24] if parallel else [np.full(12, p) for p in (65, 60, 48)], axis=1
    )
    return chorale.from_parts(np.concatenate([top[:, None], lower], axis=1).astype(np.int16), 1)


# --- the numbers


def test_differences_are_of_the_means_over_pieces() -> None:
    own, other = [tune(i, low=60) for i in range(12)], [tune(i, low=67, jump=1) for i in range(20, 30)]
    found = report.differences(own, other)
    for name in ("pitch_range", "mean_interval", "scale_consistency"):
        values = [[getattr(statistics.measure(piece), name) for piece in some] for some in (own, other)]
        assert found[name].generated == pytest.approx(np.mean(values[0]))
        assert found[name].value == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
        # Two independent means: the normal interval is near.
        error = 1.96 * math.sqrt(sum(np.var(v, ddof=1) / len(v) for v in values))
        low, high = found[name].interval
        assert low < found[name].value < high and (high - low) / 2 == pytest.approx(error, rel=0.25)
    assert found["mean_interval"].is_clear and not found["polyphony"].is_clear
    assert report.differences(own, other)["beats"] == report.differences(own, other)["beats"]


def test_a_measure_that_a_piece_lacks_is_left_out_of_the_mean() -> None:
    single = NoteSequence((Note(0, 60, 1),))  # no interval in it
    found = report.differences([single, tune(1), tune(2)], [single, single])
    expected = np.mean([statistics.measure(tune(seed)).mean_interval for seed in (1, 2)])
    assert found["mean_interval"].generated == pytest.approx(expected)
    assert math.isnan(found["mean_interval"].reference) and math.isnan(found["mean_interval"].interval[0])
    alone = report.differences([tune(1)], [tune(2), tune(3)])
    assert all(math.isnan(one.interval[0]) and not one.is_clear for one in alone.values())


def test_a_copy_is_found_in_another_key() -> None:
    learnt = [tune(seed) for seed in range(5)]
    taken = [note for note in learnt[3].transposed(4).notes if 5 <= note.start < 15]
    mixed = NoteSequence((*tune(9, steps=10).notes, *taken))
    copy, fresh = report.copies(named(mixed, tune(50)), named(*learnt))
    assert (copy.piece, copy.of, copy.of_start, copy.start) == ("0.mid", "3.mid", 5, 5)
    assert copy.moves >= 19 and copy.share > 0.6 and fresh.moves < 8


def test_voice_leading_is_judged_where_there_are_four_voices() -> None:
    bad = report.leading([four(1, True), four(2, True), tune(1)])
    good = report.leading([four(1, False)])
    assert bad.pieces == 2 and good.pieces == 1
    assert bad.rates()["parallel_fifths"] > 90 and good.rates()["parallel_fifths"] == 0
    none = report.leading([tune(1), NoteSequence((Note(0, 60, 2), Note(0, 62, 2)))])
    assert none.pieces == 0 and math.isnan(none.rates()["crossings"])
    clash = NoteSequence((*(Note(0, 60 + v, 2, voice=v) for v in range(4)), Note(1, 40, 2, voice=3)))
    assert report.leading([clash]).pieces == 0


def test_all_of_it() -> None:
    own, other = named(*(tune(i) for i in range(4))), named(*(tune(i, jump=1) for i in range(4, 9)))
    found = report.report(own, other, samples=100)
    assert (found.generated, found.reference, found.leading) == (4, 5, None)
    assert found.distances["melody intervals"].is_beyond_chance
    assert not report.report(own, own, samples=100).distances["melody intervals"].is_beyond_chance
    assert [copy.share for copy in report.report(other, own, other, samples=10).copies] == [1.0] * 5
    data = found.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert sum(data["histograms"]["pitches"]["generated"]) == pytest.approx(1)
    with pytest.raises(MusicError, match="Both sets"):
        report.report(own, [])


# --- files


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, seeds in (("generated", range(3)), ("corpus", range(10, 14))):
        (tmp_path / name / "inner").mkdir(parents=True)
        for seed in seeds:
            midi.write(tmp_path / name / "inner" / f"{seed}.mid", tune(seed))
    return tmp_path / "generated", tmp_path / "corpus"


def test_pieces_of_files_and_folders(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "corpus" / "a.abc").write_text(
        "X:1\nT:One\nK:G\nGAB\n\nX:2\nT:Two\nK:G\nG?\n\nX:3\nT:Three\nK:D\nD\n"
    )
    (tmp_path / "corpus" / "bad.mid").write_bytes(b"no")
    (tmp_path / "corpus" / "text.txt").write_text("no music, and nobody asked for it")
    found = load.read([str(folders[1]), str(tmp_path / "none")])
    assert [piece.title for piece in found.pieces if piece.title] == ["1 One", "3 Three"]
    assert len(found.pieces) == 6
    assert [
        part
        for part in ("none doesn't exist", "line 8", "bad.mid is not a MIDI")
        if part in str(found.problems)
    ]
    assert len(found.problems) == 3
    assert load.read([str(tmp_path / "corpus" / "text.txt")]).problems[0].count("by its extension")
    (tmp_path / "empty").mkdir()
    assert "holds no music" in load.read([str(tmp_path / "empty")]).problems[0]


def test_chorales_as_json(tmp_path: Path) -> None:
    chord = [67, 64, 60, 48]
    path = tmp_path / "chorales.json"
    path.write_text(json.dumps({"train": [[chord] * 4, [chord] * 8], "valid": [[chord]], "test": [[chord]]}))
    found = load.read([str(path)])
    assert [piece.title for piece in found.pieces] == ["train 0", "train 1", "valid 0", "test 0"]
    assert found.pieces[1].notes.length == 2 and found.pieces[0].notes.voices == [0, 1, 2, 3]


# --- the command


def run(*arguments: Any) -> int:
    return main(["music", "report", *map(str, arguments)])


def test_the_report_in_words(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "report.png"
    assert run(folders[0], "--against", folders[1], "--png", picture) == 0
    printed = capsys.readouterr().out
    assert "3 generated, 4 reference pieces" in printed and "groove consistency" in printed
    assert "melody intervals" in printed and "0.mid" in printed and "per 100 moves" not in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_is_there_is_kept(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "report.png"
    picture.write_bytes(b"a photo")
    given = [folders[0], "--against", folders[1], "--png", picture]
    assert run(*given) == 2
    printed = capsys.readouterr()
    assert picture.read_bytes() == b"a photo" and not printed.out
    assert (
        f"{picture} is already there. Pass --overwrite" in printed.err
        and "choose another --plot" in printed.err
    )
    assert run(*given, "--overwrite") == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(*given[:-1], tmp_path / "corpus.png") == 0
    (tmp_path / "folder.png").mkdir()
    assert run(*given[:-1], tmp_path / "folder.png", "--overwrite") == 2
    assert "is a folder" in capsys.readouterr().err


def test_what_was_made_of_a_file_and_how_many_tunes_are_broken_are_told(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"train": [[[67, 64, 60, 48]] * 4] * 2, "valid": [], "test": []}))
    (folders[0] / "book.abc").write_text("X:1\nK:G\nGAB\n\nX:2\nK:G\nG?\n\nX:3\nK:D\nDEF\n")
    assert run(folders[0], "--against", path, folders[0] / "book.abc") == 1
    printed = capsys.readouterr().err.splitlines()
    assert any("note: " in line and "taken as a 16th" in line for line in printed)
    assert printed[-1] == "speechgru: note: 2 of 6 tunes left out"


def test_the_report_for_machines(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    midi.write(folders[0] / "choir.mid", four(1, True))
    assert run(folders[0], "--against", folders[1], folders[0], "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pieces"] == {"generated": 4, "reference": 8}
    assert found["voice_leading"]["generated"]["parallel_octaves"] > 5
    assert found["voice_leading"]["reference"]["pieces"] == 1
    assert all(copy["share"] == 1 for copy in found["copies"])
    low, high = found["measures"]["pitch_entropy"]["interval"]
    assert low <= found["measures"]["pitch_entropy"]["difference"] <= high


def test_a_corpus_has_a_split(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    from speechgru.music.corpora import own_midi

    splits = own_midi.prepare(folders[1])
    assert run(folders[0], "--against", folders[1], "--corpus", "own_midi", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["pieces"]["reference"] == len(splits["test"]) == 1
    taken = folders[1] / f"{splits['train'][0].id}.mid"
    assert run(taken, "--against", folders[1], "--corpus", "own_midi", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["copies"][0]["of"] == splits["train"][0].id


def test_what_cannot_be_read_is_named_and_the_rest_is_judged(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folders[0] / "bad.mid").write_bytes(b"no")
    assert run(folders[0], "--against", folders[1]) == 1
    printed = capsys.readouterr()
    assert "bad.mid is not a MIDI file" in printed.err and "3 generated" in printed.out
    assert run(folders[0] / "bad.mid", "--against", folders[1]) == 1
    assert "There is no piece to judge in" in capsys.readouterr().err
    assert run(folders[0], "--against", tmp_path / "none") == 1
    assert "none doesn't exist" in capsys.readouterr().err
    assert run(folders[0], "--against", folders[1], "--corpus", "nothing") == 2
    assert "Choices: chorales, folk" in capsys.readouterr().err
    assert run(folders[0], "--against", folders[1], "--png", "report.jpg") == 2
    assert run(folders[0], "--against", folders[1], folders[0], "--corpus", "folk") == 2
    assert run(folders[0]) == 2
