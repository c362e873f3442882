"""An error of the disk in the midst of a recording is told by its name; it is never the recording's end."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bad_disk
import numpy as np
import pytest
import soundfile
from bad_disk import Failing, Pipe

from speechgru.audio import AudioStream, info, read
from speechgru.audio.decode_ffmpeg import FfmpegDecoder
from speechgru.audio.named_file import UnreadableError, read_through
from speechgru.errors import AudioError

RATE = 16000
FORMATS = {
    "wav": {"format": "WAV"},
    "w64": {"format": "W64"},
    "aiff": {"format": "AIFF"},
    "au": {"format": "AU"},
    "caf": {"format": "CAF"},
    "flac": {"format": "FLAC"},
    "mp3": {"format": "MP3"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}


def recording(path: Path, seconds: float = 6.0) -> Path:
    noise = 0.1 * np.random.default_rng(1).standard_normal(int(seconds * RATE))
    soundfile.write(path, noise.astype(np.float32), RATE, **FORMATS[path.suffix[1:]])
    return path


@pytest.fixture
def bad_paths() -> Iterator[dict[str, int]]:
    with bad_disk.bad_paths() as bad:
        yield bad


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.5, 0.97])
def test_a_bad_sector_is_an_error_with_the_name(
    tmp_path: Path, bad_paths: dict[str, int], extension: str, place: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = recording(tmp_path / f"a.{extension}")
    whole = len(read(path))
    bad_paths[str(path)] = int(path.stat().st_size * place)
    with pytest.raises(
        UnreadableError, match=r"a\.\w+ can't be read at byte [\d,]+: Input/output error"
    ) as got:
        read(path)
    assert got.value.source == str(path) and isinstance(got.value.__cause__, OSError)
    assert not capfd.readouterr().err, "cffi printed what a callback raised"
    del bad_paths[str(path)]
    assert len(read(path)) == whole


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "opus"])
def test_blocks_before_it_are_given_and_then_the_error(tmp_path: Path, extension: str) -> None:
    path = recording(tmp_path / f"a.{extension}", 40.0)
    whole = read(path)
    # Of formats whose end is looked at first, the file fails only when it is read again.
    with Failing(path, path.stat().st_size + 1) as file, AudioStream(file, block_seconds=2.0) as stream:
        got = [next(stream), next(stream)]
        file.bad = path.stat().st_size * 3 // 4
        with pytest.raises(UnreadableError):
            got += list(stream)
        assert 4 <= sum(map(len, got)) / RATE < 31
        np.testing.assert_array_equal(np.concatenate(got), whole[: sum(map(len, got))])
        assert stream.problem is None and list(stream) == []


def test_other_errors_of_a_file_object_are_its_own(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.wav")
    with Failing(path, 60_000, KeyError("connection")) as file, pytest.raises(KeyError, match="connection"):
        read(file)


def test_a_file_object_is_called_by_its_name(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.flac")
    with Failing(path, 5000) as file, pytest.raises(UnreadableError) as got:
        info(file) and read(file)
    assert str(path) in str(got.value)


def test_the_part_that_fails_is_no_damaged_part(tmp_path: Path, bad_paths: dict[str, int]) -> None:
    one, two = recording(tmp_path / "1.flac", 5.0), recording(tmp_path / "2.mp3", 20.0)
    joined = tmp_path / "joined.wav"
    joined.write_bytes(one.read_bytes() + recording(tmp_path / "3.wav", 20.0).read_bytes() + two.read_bytes())
    assert len(read(joined)) == pytest.approx(45 * RATE, abs=3000)
    bad_paths[str(joined)] = one.stat().st_size + 300_000
    with pytest.raises(UnreadableError, match="byte"):
        read(joined)


def test_a_pipe_that_fails(tmp_path: Path) -> None:
    with (
        Pipe(recording(tmp_path / "a.wav"), 1_000) as pipe,
        pytest.raises(UnreadableError, match="at byte 0"),
    ):
        read(pipe)


def test_a_pipe_that_does_not_block_is_read_to_its_end(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.wav", 4.0)
    out, into = os.pipe()
    os.set_blocking(out, False)

    def feed() -> None:
        data = path.read_bytes()
        for start in range(0, len(data), 20_000):
            threading.Event().wait(0.02)
            with memoryview(data[start : start + 20_000]) as piece:
                done = 0
                while done < len(piece):
                    done += os.write(into, piece[done:])
        os.close(into)

    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(out, "rb") as pipe:
        got = read(pipe)
    feeder.join()
    np.testing.assert_array_equal(got, read(path))


def test_no_room_for_the_copy_of_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", lambda **_: Full())
    with (
        Pipe(recording(tmp_path / "a.wav")) as pipe,
        pytest.raises(AudioError, match=r"temporary file.*TMPDIR"),
    ):
        read(pipe)


def test_what_ffmpeg_takes_for_the_end(tmp_path: Path, bad_paths: dict[str, int]) -> None:
    path = recording(tmp_path / "a.wav")
    read_through(str(path), "a")
    read_through(str(tmp_path / "gone"), "gone")
    bad_paths[str(path)] = 150_000
    read_through(str(path), "a", 0, 100_000)
    for start, end in ((0, None), (50_000, 180_000)):
        with pytest.raises(UnreadableError, match="a can't be read at byte"):
            read_through(str(path), "a", start, end)

    def told(ended: str | None, frames: int | None) -> str | None:
        decoder = object.__new__(FfmpegDecoder)
        decoder.frames, decoder._check = frames, lambda: read_through(str(path), "a")
        decoder._problem = lambda: ended  # type: ignore[method-assign]
        return decoder.problem()

    assert told(None, 100) is None  # as long as it was promised: nothing to ask
    for ended, frames in (("cut short", 100), (None, None)):
        with pytest.raises(UnreadableError):
            told(ended, frames)
    bad_paths.clear()
    assert told("cut short", 100) == "cut short"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_ffmpeg_on_a_disk_that_fails(tmp_path: Path, bad_paths: dict[str, int]) -> None:
    path, short = tmp_path / "a.m4a", tmp_path / "short.m4a"
    source = recording(tmp_path / "a.wav")
    fast = ["-movflags", "+faststart"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), *fast, str(path)], check=True)
    short.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with AudioStream(short) as stream:
        assert list(stream) and stream.truncated  # what ffmpeg makes of it, if the disk is well
    with AudioStream(short) as stream:
        bad_paths[str(short)] = 10_000
        with pytest.raises(UnreadableError, match=r"short\.m4a can't be read"):
            list(stream)
