"""Each corpus of music keeps the contract, and reads what it is made for: small ones made here, the real ones where
SPEECHGRU_DATA names them."""

from __future__ import annotations

import inspect
import json
import logging
import typing
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from speechgru.errors import CorpusError
from speechgru.music import Note, NoteSequence
from speechgru.music.corpora import chorales, folk, jsb_chorales, own_midi
from speechgru.music.files import midi
from speechgru.music.files.piece import Piece, split_of
from speechgru.music.score.corpus_facts import BY_NAME, CorpusFacts, combined
from speechgru.music.score.piano_roll import check, from_roll, to_roll
from speechgru.utils import plugins

CORPORA = plugins.names("music.corpora")
every_corpus = pytest.mark.parametrize("name", CORPORA)


def test_the_promised_corpora_are_there() -> None:
    promised = {"jsb_chorales", "nottingham", "musedata", "piano_midi", "chorales", "folk", "own_midi"}
    assert promised <= set(CORPORA)


@every_corpus
def test_says_where_it_is_from(name: str) -> None:
    corpus = plugins.find("music.corpora", name)
    assert corpus.SOURCE and corpus.LICENSE and corpus.CITATION and corpus.__doc__
    assert list(inspect.signature(corpus.prepare).parameters) == ["root"]
    assert typing.get_type_hints(corpus.prepare) == {"root": Path, "return": dict[str, list[Piece]]}
    assert "Raises:" in corpus.prepare.__doc__
    assert BY_NAME.get(name, CorpusFacts()) == corpus.FACTS, (
        "older models are taken to have learnt from the same"
    )


@every_corpus
def test_a_missing_or_empty_root_is_named_and_explained(name: str, tmp_path: Path) -> None:
    prepare = plugins.find("music.corpora", name).prepare
    with pytest.raises(CorpusError, match=r"Expected .*corpus\.root=PATH") as caught:
        prepare(tmp_path / "nowhere")
    assert name in str(caught.value) and "nowhere" in str(caught.value)
    empty = tmp_path / "folder" / "empty.txt"
    empty.parent.mkdir()
    empty.touch()
    for root in (empty.parent, empty):
        with pytest.raises(CorpusError, match=r"Expected .*corpus\.root=PATH"):
            prepare(root)


# ------------------------------------------------------------------------------------------------ rolls in .mat files


def mat(path: Path, **cells: list[object]) -> Path:
    """Cells as MATLAB would save them."""
    made = {}
    for name, values in cells.items():
        made[name] = np.empty((1, len(values)), dtype=object)
        for index, value in enumerate(values):
            made[name][0, index] = value
    scipy.io.savemat(path, made)
    return path


def some_roll(seed: int, steps: int = 7) -> np.ndarray:
    return (np.random.default_rng(seed).random((steps, 88)) < 0.05).astype(np.uint8)


def test_mat_files_give_the_standard_splits(tmp_path: Path) -> None:
    rolls = [some_roll(seed) for seed in range(4)]
    file = mat(tmp_path / "JSB_Chorales.mat", traindata=rolls[:2], validdata=rolls[2:3], testdata=rolls[3:])
    for root in (tmp_path, file):
        splits = jsb_chorales.prepare(root)
        assert [p.id for pieces in splits.values() for p in pieces] == [
            "train/0",
            "train/1",
            "dev/0",
            "test/0",
        ]
        assert all(np.array_equal(p.roll, r) for p, r in zip([*splits["train"], *splits["dev"]], rolls))
    piece = splits["train"][0]
    assert np.array_equal(to_roll(piece.notes, jsb_chorales.FACTS.steps_per_beat), piece.roll)


@pytest.mark.parametrize(
    "cells",
    [
        {"traindata": [some_roll(0)], "validdata": [some_roll(1)]},
        {"traindata": [some_roll(0)[:, :80]], "validdata": [some_roll(1)], "testdata": [some_roll(2)]},
        {"traindata": [some_roll(0) * 3], "validdata": [some_roll(1)], "testdata": [some_roll(2)]},
        {"traindata": [some_roll(0, 0)], "validdata": [some_roll(1)], "testdata": [some_roll(2)]},
        {"traindata": ["words"], "validdata": [some_roll(1)], "testdata": [some_roll(2)]},
    ],
)
def test_other_mat_files_are_refused(cells: dict[str, list[object]], tmp_path: Path) -> None:
    mat(tmp_path / "JSB_Chorales.mat", **cells)
    with pytest.raises(CorpusError, match=r"JSB_Chorales\.mat"):
        jsb_chorales.prepare(tmp_path)


def test_damaged_mat_files_are_refused(tmp_path: Path) -> None:
    file = mat(
        tmp_path / "JSB_Chorales.mat",
        traindata=[some_roll(0)],
        validdata=[some_roll(1)],
        testdata=[some_roll(2)],
    )
    whole = file.read_bytes()
    for data in (b"not MATLAB", whole[:200], whole[:-100]):
        file.write_bytes(data)
        with pytest.raises(CorpusError, match=r"JSB_Chorales\.mat"):
            jsb_chorales.prepare(tmp_path)


# ------------------------------------------------------------------------------------------------ notes


def test_chorales_keep_their_voices(tmp_path: Path) -> None:
    chords = [[72, 67, 64, 48], [72, 67, 62, 48], [71, 67, 62, 43]]
    (tmp_path / chorales.FILE).write_text(json.dumps({"train": [chords], "valid": [chords], "test": []}))
    splits = chorales.prepare(tmp_path)
    assert {name: len(pieces) for name, pieces in splits.items()} == {"train": 1, "dev": 1, "test": 0}
    notes = splits["train"][0].notes
    assert [n for n in notes.notes if n.voice == 0] == [
        Note(0, 72, 0.5, voice=0),
        Note(0.5, 71, 0.75, voice=0),
    ]
    assert notes.voices == [0, 1, 2, 3]
    assert splits["train"][0].roll.sum(axis=1).tolist() == [4, 4, 4]


def scale_of(first: int) -> NoteSequence:
    return NoteSequence(tuple(Note(i, first + i, i + 1) for i in range(5)))


def test_own_midi_deals_out_files_by_what_they_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for index in range(20):
        midi.write(tmp_path / "songs" / f"{index:02}.mid", scale_of(40 + index))
    (tmp_path / "copy.MID").write_bytes((tmp_path / "songs" / "03.mid").read_bytes())
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    midi.write(tmp_path / "drums.mid", NoteSequence((Note(0, 36, 1, drum=True),)))
    with caplog.at_level(logging.WARNING, "speechgru"):
        splits = own_midi.prepare(tmp_path)
    assert "left out 1 files" in caplog.text and "bad.mid" in caplog.text
    where = {p.id: name for name, pieces in splits.items() for p in pieces}
    assert len(where) == 21 and where["copy"] == where["songs/03"]
    assert {name: len({p.notes for p in pieces}) for name, pieces in splits.items()} == {
        "train": 16,
        "dev": 2,
        "test": 2,
    }


def test_own_midi_needs_three_different_files(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        midi.write(tmp_path / f"{name}.mid", scale_of(60))
    with pytest.raises(CorpusError, match="1 different MIDI files"):
        own_midi.prepare(tmp_path)


def test_own_midi_is_in_four_voices_where_nine_of_ten_pieces_are() -> None:
    def piece(*notes: Note) -> Piece:
        return Piece("", 4, NoteSequence(notes))

    parts = [Note(0, 72 - 6 * voice, 1, voice=voice) for voice in range(4)]
    late = piece(*parts, Note(0.95, 70, 2, voice=0))  # begins before the other ends, but not on the grid
    others = [
        piece(*parts[:3]),
        piece(*parts, Note(0.5, 70, 2, voice=0)),
        piece(*parts, Note(0, 36, 1, voice=4, drum=True)),
    ]
    assert own_midi.facts([late] * 9 + others[:1]).voices == 4
    assert all(own_midi.facts([late] * 8 + [other] * 2) == own_midi.FACTS for other in others)
    assert own_midi.facts([]) == own_midi.FACTS


def test_of_several_corpora_the_first_says_where_pieces_lie() -> None:
    some = [BY_NAME[name] for name in ("jsb_chorales", "nottingham", "folk")]
    assert combined(some) == BY_NAME["jsb_chorales"] and combined([]) == CorpusFacts()
    assert combined(some[1:]) == BY_NAME["nottingham"] and combined(some[2:]).monophonic


MELODY = "GABc dedB GABc dBAG ABcd efge dcBA"


def test_folk_keeps_families_of_tunes_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    head = "T:A tune\nM:4/4\nL:1/8\nK:{}\n"
    for number, key in enumerate(["G", "D", "G", "Am"] * 5):
        (tmp_path / f"book{number}.abc").write_text(f"X:1\n{head.format(key)}{MELODY}{'|:c' * number}|\n")
    (tmp_path / "z.abc").write_text(f"X:5\n{head.format('C')}c2|\n\nX:6\n{head.format('C')}?\n\nX:5\nK:C\nd|")
    with caplog.at_level(logging.WARNING, "speechgru"):
        splits = folk.prepare(tmp_path)
    assert "left out 1 tunes" in caplog.text and "z.abc, line 13" in caplog.text
    where = {p.id: name for name, pieces in splits.items() for p in pieces}
    assert set(where) == {*(f"book{number}/1" for number in range(20)), "z/5", "z/5/15"}
    # K:Am and K:G differ in one sharp, so in their intervals; the ten in G and the five in D are one family.
    assert len({where[f"book{number}/1"] for number in range(20) if number % 4 != 3}) == 1
    assert len({where[f"book{number}/1"] for number in range(3, 20, 4)}) == 1


def test_families_share_a_passage_in_any_key() -> None:
    up = [60, 62, 64, 67, 65, 64, 62, 60, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62]
    other = [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60, 67, 67, 65, 65, 64, 64]

    def tune(pitches: list[int]) -> NoteSequence:
        return NoteSequence(tuple(Note(i, p, i + 1) for i, p in enumerate(pitches)))

    transposed = tune([50, *(p + 5 for p in up), *(p - 3 for p in other)])
    assert folk.families([tune(up), tune(other), tune(up[:16]), transposed]) == [0, 0, 2, 0]


def test_splits_are_a_function_of_the_name_alone() -> None:
    splits = [split_of(f"tune {index}") for index in range(5000)]
    assert splits[:4] == [split_of(f"tune {index}") for index in range(4)]
    assert 0.08 < splits.count("test") / 5000 < 0.12 and 0.08 < splits.count("dev") / 5000 < 0.12


# ------------------------------------------------------------------------------------------------ the real ones


@pytest.mark.parametrize(
    ("name", "place", "counts", "steps"),
    [
        ("jsb_chorales", "poly_music", (229, 76, 77), 4725),
        ("nottingham", "poly_music", (694, 173, 170), 44463),
        ("musedata", "poly_music", (524, 135, 124), 64339),
        ("piano_midi", "poly_music", (87, 12, 25), 19036),
        ("chorales", "jsb_chorales", (229, 76, 77), None),
    ],
)
def test_real_sets(
    name: str, place: str, counts: tuple[int, ...], steps: int | None, data_root: Path
) -> None:
    root = data_root / "music" / place
    if not root.is_dir():
        pytest.skip(f"the shared data has no {place}")
    splits = plugins.find("music.corpora", name).prepare(root)
    assert tuple(len(splits[split]) for split in ("train", "dev", "test")) == counts
    for piece in splits["test"]:
        check(piece.roll)
    if steps is not None:
        assert sum(len(piece.roll) for piece in splits["test"]) == steps
        piece = splits["test"][0]
        assert np.array_equal(
            to_roll(from_roll(piece.roll, piece.steps_per_beat), piece.steps_per_beat), piece.roll
        )
