"""Readers on a disk that fails: the error names the file, and is neither the end of the data nor damage."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bad_disk
import numpy as np
import pytest
import torch

from speechgru.config import load_recipe
from speechgru.data import feature_archive, manifest
from speechgru.data._feature_spool import HELD, Spool
from speechgru.errors import CheckpointError, DownloadError, LanguageModelError, SpeechGruError, TrainingError
from speechgru.lexicon import dictionary
from speechgru.lm import slm
from speechgru.lm.corpus import Reader, Scratch
from speechgru.lm.sentences import read_lines
from speechgru.models import checkpoint
from speechgru.music.files import abc, chorale_json, midi
from speechgru.text import spoken_form
from speechgru.training import receipt
from speechgru.training.state import STATE, saved_state
from speechgru.utils import archives, files

EIO = "Input/output error"


@pytest.fixture
def bad() -> Iterator[dict[str, int]]:
    with bad_disk.bad_paths() as paths:
        yield paths


def test_numbers_are_all_there_or_an_error(tmp_path: Path, bad: dict[str, int]) -> None:
    path = tmp_path / "numbers"
    given = np.random.default_rng(1).integers(0, 1 << 30, 1_000_000).astype(np.int32)
    given.tofile(path)
    got = files.numbers(path, np.dtype(np.int32))
    np.testing.assert_array_equal(got, given)
    got[0] = 1  # they are the caller's own
    for byte in (0, 1_000_000, 3_999_999):
        bad[str(path)] = byte
        with pytest.raises(OSError, match=EIO) as caught:
            files.numbers(path, np.dtype(np.int32))
        assert caught.value.filename == str(path)


def test_features_that_wait_in_a_temporary_file(tmp_path: Path, bad: dict[str, int]) -> None:
    spool = Spool(tmp_path / "spool")
    given = np.random.default_rng(1).standard_normal((HELD // 400 + 1, 100)).astype(np.float32)
    spool.add(given)
    spool.add(given[:10])
    np.testing.assert_array_equal(np.concatenate(list(spool.blocks())), np.concatenate([given, given[:10]]))
    (path,) = (tmp_path / "spool").iterdir()
    bad[str(path)] = path.stat().st_size // 2
    with pytest.raises(OSError, match=EIO) as caught:
        list(spool.blocks())
    assert caught.value.filename == str(path)


def test_words_of_a_text_that_wait_in_a_temporary_file(bad: dict[str, int]) -> None:
    with Scratch() as scratch:
        reader = Reader(scratch)
        reader.add(["the cat sat"] * 10_000)
        bad[str(reader._path)] = 100_000
        with pytest.raises(OSError, match=EIO):
            reader.corpus()
        bad.clear()
        assert len(reader.corpus().tokens) == 50_000


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("corpus/a.txt", bytes(range(256)) * 4000)


def _tar(path: Path) -> None:
    with tarfile.open(path, "w:gz", compresslevel=0) as made:
        (path.parent / "a").write_bytes(bytes(range(256)) * 4000)
        made.add(path.parent / "a", "corpus/a.txt")


@pytest.mark.parametrize("make", [_zip, _tar])
def test_an_archive(tmp_path: Path, bad: dict[str, int], make: Callable[[Path], None]) -> None:
    path = tmp_path / "a.archive"
    make(path)
    bad[str(path)] = 200_000
    with pytest.raises(DownloadError, match=rf"a\.archive can't be unpacked .*{EIO}") as caught:
        archives.unpack(path, tmp_path / "out", "corpus")
    assert "Delete it" not in str(caught.value)
    bad.clear()
    assert (archives.unpack(path, tmp_path / "out", "corpus") / "a.txt").stat().st_size == 1_024_000


def _model(path: Path) -> None:
    checkpoint.save(path, "acoustic", {}, {"weight": torch.zeros(100, 100)})


def _state(path: Path) -> None:
    torch.save({"fingerprint": "x", "weight": torch.zeros(100, 100)}, path)


def _receipt(path: Path) -> None:
    path.write_text('{"format": "x"}')


def _features(path: Path) -> None:
    path.write_text("# {}\nfile,frame,time,0\n" + "a,0,0,1\n" * 1000)


def _packed(path: Path) -> None:
    line = b'{"format": "speechgru-lm/1"}'
    path.write_bytes(line + b" " * (63 - len(line)) + b"\n" + bytes(100_000))


def _text(path: Path) -> None:
    path.write_text("X:1\nK:C\ncde\n" * 1000)


READERS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any], type[Exception]]] = {
    "a.safetensors": (_model, checkpoint.load, CheckpointError),
    STATE: (_state, lambda path: saved_state(path.parent, "x"), TrainingError),
    "receipt.json": (_receipt, receipt.read, OSError),
    "a.csv": (_features, feature_archive.read, OSError),
    "a.abc": (_text, abc.read, SpeechGruError),
    "a.mid": (_text, midi.read, SpeechGruError),
    "a.json": (_text, chorale_json.read, SpeechGruError),
    "a.jsonl": (_text, manifest.read, SpeechGruError),
    "a.dict": (_text, dictionary.load, SpeechGruError),
    "a.txt": (_text, spoken_form.read, SpeechGruError),
    "text": (_text, lambda path: list(read_lines(path)), LanguageModelError),
    "a.slm": (_packed, slm.load, LanguageModelError),
    "recipe.yaml": (_text, load_recipe, Exception),
}


@pytest.mark.parametrize("name", READERS)
def test_an_error_names_the_file(tmp_path: Path, bad: dict[str, int], name: str) -> None:
    make, read, kind = READERS[name]
    path = tmp_path / name
    make(path)
    bad[str(path)] = path.stat().st_size - 1
    with pytest.raises(kind, match=EIO) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "damaged" not in str(caught.value) and "delete" not in str(caught.value)
