"""Writing: what is written comes back, what can't be written leaves nothing behind."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru.audio import AudioWarning, encode, formats, info, read, write
from speechgru.errors import AudioError

NOISE = (0.1 * np.random.default_rng(0).standard_normal(40000)).astype(np.float32)


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg", "opus"])
def test_written_sound_comes_back(tmp_path: Path, extension: str) -> None:
    path = tmp_path / "new" / f"a.{extension.upper()}"
    write(path, NOISE, 16000)
    got = read(path)
    assert len(got) == len(NOISE)
    assert np.corrcoef(got, NOISE)[0, 1] > 0.8
    if extension in ("wav", "flac"):
        assert np.abs(got - NOISE).max() <= 1 / 32768
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_writing_clips_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(AudioWarning, match="2 of 4 samples"):
        write(tmp_path / "a.wav", np.array([0.5, 1.5, -3.0, 0.0]), 16000)
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.wav")[0], [0.5, 1, -1, 0], atol=1e-4)


def test_blocks_of_channels_are_written_and_clipped_samples_counted(tmp_path: Path) -> None:
    blocks = [np.array([[0.5, 1.5]], np.float32), np.zeros((0, 2), np.float32), np.array([[-3.0, 0.0]])]
    assert write(tmp_path / "a.wav", blocks, 16000, formats.encoding("a.wav", "24"), warn=False) == 2
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.wav")[0], [[0.5, 1], [-1, 0]], atol=1e-6)
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_24"


def test_writing_minutes_of_vorbis(tmp_path: Path) -> None:
    write(tmp_path / "a.ogg", np.zeros(16000 * 600, np.float32), 16000)
    assert info(tmp_path / "a.ogg").duration == 600


@pytest.mark.parametrize(
    ("name", "signal", "rate", "message"),
    [
        ("a.m4a", NOISE, 16000, "extensions"),
        ("a.wav", np.array([0.0, np.nan]), 16000, "NaN"),
        ("a.wav", np.zeros(0), 16000, "one or more"),
        ("a.wav", np.zeros((2, 8)), 16000, r"\(2, 8\)"),
        ("a.wav", np.zeros(8, np.int16), 16000, "int16"),
        ("a.opus", NOISE, 44100, "44100 Hz"),
    ],
)
def test_nothing_is_left_of_what_cannot_be_written(
    tmp_path: Path, name: str, signal: np.ndarray, rate: int, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        write(tmp_path / name, signal, rate)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: as a full disk does, the system takes part of a write, then refuses."""
    resource = pytest.importorskip("resource", reason="no limit on the size of files here")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg", "opus"])
@pytest.mark.parametrize("missing", [10, 5000])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, extension: str, missing: int) -> None:
    """Also where only the end doesn't fit, which encoders write as they close the file."""
    path = tmp_path / f"a.{extension}"
    write(path, NOISE, 16000)
    whole = path.read_bytes()
    with room_for(len(whole) - missing), pytest.raises(AudioError, match=rf"a\.{extension} can't be written"):
        write(path, NOISE, 16000)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == whole, "what was there is lost"
    with room_for(len(whole) + 10):
        write(path, NOISE, 16000)


def test_the_system_says_why_nothing_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: io.FileIO, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full(io.FileIO):
        write = full

    monkeypatch.setattr(encode, "open", lambda path, mode, buffering: Full(path, mode), raising=False)
    with pytest.raises(AudioError, match=r"a\.flac can't be written: No space left on device"):
        write(tmp_path / "a.flac", NOISE, 16000)
    assert list(tmp_path.iterdir()) == []
