"""The ffmpeg door: with a stand-in everywhere, and with the program itself where it is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru import audio
from speechgru.audio import AudioStream
from speechgru.errors import AudioError

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
NOISE = (0.1 * np.random.default_rng(0).standard_normal(48000 * 4)).astype(np.float32)

STAND_IN = f"""#!{sys.executable}
import os, struct, sys
sys.stderr.write("Input #0, fake\\n  Duration: 00:00:01.00, start: 0\\n")
if sys.argv[sys.argv.index("-protocol_whitelist") + 1] != "file":
    sys.exit("a playlist could make me fetch things")
if "broken" in open(sys.argv[sys.argv.index("-i") + 1].removeprefix("file:")).read():
    sys.exit("moov atom not found")
sys.stdout.buffer.write(struct.pack(">4sIIIII8x", b".snd", 32, 0xFFFFFFFF, 6, 24000, 2))
frames = int(os.environ.get("FRAMES", "24000"))
sys.stdout.buffer.write(struct.pack(">ff", 0.25, 0.75) * frames + b"xyz")
sys.stdout.flush()
sys.exit(int(os.environ.get("STATUS", "0")))
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called ffmpeg that "decodes" any file to a second of 24 kHz stereo, and a file for it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffmpeg").write_text(STAND_IN)
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    path = tmp_path / "speech.m4a"
    path.write_text("any bytes")
    return path


def test_without_ffmpeg_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "speech.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(1000))
    with pytest.raises(AudioError, match=r"speech\.m4a.*install ffmpeg"):
        audio.read(path)


def test_the_stream_is_decoded_mixed_and_resampled(stand_in: Path) -> None:
    for source in (stand_in, io.BytesIO(stand_in.read_bytes())):
        with AudioStream(source, 24000, 0.3) as stream:
            signal = np.concatenate(list(stream))
        assert (stream.source_rate, stream.channels, stream.duration, stream.format) == (
            24000,
            2,
            1.0,
            "ffmpeg",
        )
        np.testing.assert_array_equal(signal, np.full(24000, 0.5, np.float32))
        assert not stream.truncated
    assert len(audio.read(stand_in)) == 16000
    assert audio.info(stand_in).duration == 1.0


def test_less_than_stated_is_cut(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMES", "9600")
    stream = AudioStream(stand_in)
    assert sum(map(len, stream)) == 6400
    assert stream.truncated
    assert "0.4 of 1.0 s" in stream.warnings[0].text


def test_a_failure_after_some_sound_is_cut(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATUS", "3")
    stream = AudioStream(stand_in)
    assert sum(map(len, stream)) == 16000
    assert stream.truncated


def test_no_sound_at_all_is_an_error(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMES", "0")
    with pytest.raises(AudioError, match="no samples could be read"):
        audio.read(stand_in)
    stand_in.write_text("broken")
    with pytest.raises(AudioError, match=r"speech\.m4a isn't audio.*moov atom not found"):
        audio.read(stand_in)


def convert(folder: Path, name: str, *options: str) -> Path:
    soundfile.write(folder / "source.wav", NOISE, 48000)
    command = ["ffmpeg", "-v", "error", "-y", "-i", folder / "source.wav", *options, folder / name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this ffmpeg can't write {name}: {done.stderr.strip()[-100:]}")
    return folder / name


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.aac", "a.webm", "a.mka", "-dash.m4a"])
def test_other_formats(tmp_path: Path, name: str) -> None:
    path = convert(tmp_path, name)
    with AudioStream(path, block_seconds=0.7) as stream:
        signal = np.concatenate(list(stream))
    assert len(signal) == pytest.approx(64000, abs=3200)
    assert np.std(signal) > 0.03
    assert (stream.source_rate, stream.truncated) == (48000, False)
    np.testing.assert_array_equal(signal, audio.read(path))
    np.testing.assert_array_equal(signal, audio.read(io.BytesIO(path.read_bytes())))


@needs_ffmpeg
@pytest.mark.parametrize(("name", "options"), [("a.m4a", ["-movflags", "+faststart"]), ("a.webm", [])])
def test_cut_files(tmp_path: Path, name: str, options: list[str]) -> None:
    path = convert(tmp_path, name, *options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    stream = AudioStream(path)
    assert 16000 < sum(map(len, stream)) < 50000
    assert stream.truncated


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_what_ffmpeg_streams_is_not_cut(tmp_path: Path, kind: str) -> None:
    source = convert(tmp_path, "a.wav")
    piped = subprocess.run(["ffmpeg", "-v", "error", "-i", source, "-f", kind, "-"], capture_output=True)
    stream = AudioStream(io.BytesIO(piped.stdout))
    assert sum(map(len, stream)) == pytest.approx(64000, abs=1600)
    assert (stream.truncated, stream.warnings) == (False, [])


@needs_ffmpeg
def test_text_and_playlists_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "real.wav", NOISE, 48000)
    for name, text in (
        ("a.txt", "hello\n" * 99),
        ("a.m3u8", "#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/real.wav\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(AudioError, match="isn't audio"):
            audio.read(tmp_path / name)
