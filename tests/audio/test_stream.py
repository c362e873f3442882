"""Reading in every way that a recording can come, errors for what is none, and warnings."""

from __future__ import annotations

import builtins
import io
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechgru.audio import AudioStream, AudioWarning, formats, info, is_audio, read
from speechgru.audio import stream as audio
from speechgru.audio.stream import resample
from speechgru.errors import AudioError

RNG = np.random.default_rng(0)
NOISE = (0.1 * RNG.standard_normal(40000)).astype(np.float32)
FORMATS = {
    "wav": {"format": "WAV"},
    "flac": {"format": "FLAC"},
    "mp3": {"format": "MP3"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}


def encode(path: Path, signal: np.ndarray = NOISE, rate: int = 16000, **how: str) -> Path:
    soundfile.write(path, signal, rate, **(how or FORMATS[path.suffix[1:]]))
    return path


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    size = min(len(a), len(b))
    return float(np.corrcoef(a[:size], b[:size])[0, 1])


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("rate", [16000, 48000])
def test_every_format_is_read_at_its_length_and_in_time(tmp_path: Path, extension: str, rate: int) -> None:
    path = encode(tmp_path / f"a.{extension}", resample(NOISE, 16000, rate), rate)
    got = read(path)
    assert got.dtype == np.float32
    assert len(got) == len(NOISE)
    assert (
        correlation(got, NOISE) > 0.8
    )  # lossy codecs keep the shape of noise only roughly, but in its place
    about = info(path)
    assert (about.sample_rate, about.channels, about.duration) == (rate, 1, len(NOISE) / 16000)
    assert about.format.startswith(FORMATS[extension]["format"])


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    for name in ("speech.raw", "speech.mp3", "speech"):
        path = encode(tmp_path / name, format="FLAC")
        np.testing.assert_array_equal(read(path), read(encode(tmp_path / "a.flac")))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("audio")
    long = (0.1 * RNG.standard_normal((180000, 2))).astype(np.float32)  # several steps of the reader
    return {
        extension: encode(folder / f"a.{extension}", long, 44100 if extension != "opus" else 48000)
        for extension in FORMATS
    }


@pytest.mark.parametrize("extension", FORMATS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.floats(0.01, 6), rate=st.sampled_from([8000, 16000, 44100]))
def test_blocks_equal_the_whole(files: dict[str, Path], extension: str, seconds: float, rate: int) -> None:
    with AudioStream(files[extension], rate, seconds) as stream:
        blocks = list(stream)
    assert all(len(block) == max(1, round(seconds * rate)) for block in blocks[:-1])
    assert all(block.dtype == np.float32 and block.ndim == 1 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), read(files[extension], rate))
    assert stream.seconds_read == pytest.approx(stream.duration)
    assert (stream.truncated, stream.warnings) == (False, [])


def test_mp3_has_no_seams(files: dict[str, Path]) -> None:
    # soundfile seeks after each read, and an MP3 decoder then lacks the bits of the frame before.
    whole, _ = soundfile.read(files["mp3"], dtype="float32")
    assert np.abs(read(files["mp3"], 44100) - whole.mean(axis=1)).max() < 1e-6


def test_channels_are_averaged(tmp_path: Path) -> None:
    sound = RNG.uniform(-0.5, 0.5, (8000, 3)).astype(np.float32)
    path = encode(tmp_path / "a.wav", sound, format="WAV", subtype="FLOAT")
    np.testing.assert_allclose(read(path), sound.mean(axis=1), atol=1e-7)
    assert AudioStream(path).channels == 3


def test_all_channels_come_as_they_are_or_resampled(tmp_path: Path) -> None:
    sound = RNG.uniform(-0.5, 0.5, (150_000, 3)).astype(np.float32)
    low = encode(tmp_path / "low.wav", sound, 3999, format="WAV", subtype="FLOAT")  # what editing may take
    with AudioStream(low, None, channels="all") as stream:
        assert (stream.sample_rate, stream.container, stream.subtype) == (3999, "WAV", "FLOAT")
        np.testing.assert_array_equal(np.concatenate(list(stream)), sound)
    path = encode(tmp_path / "a.wav", sound, 44100, format="WAV", subtype="FLOAT")
    with AudioStream(path, 16000, 0.5, "all") as stream:
        blocks = list(stream)
    assert {block.shape for block in blocks[:-1]} == {(8000, 3)}
    np.testing.assert_allclose(np.concatenate(blocks).T, resample(sound.T.copy(), 44100, 16000), atol=1e-6)


def test_memory_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        for _ in range(60):
            file.write(np.zeros(8000 * 60, np.float32))
    script = (
        "import resource, sys; from speechgru.audio.stream import AudioStream\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); seconds = sum(len(b) for b in AudioStream(sys.argv[1])) / 16000\n"
        "assert 'torch' not in sys.modules; print(seconds, (peak() - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    seconds, mebibytes = done.stdout.split()
    assert float(seconds) == 3600
    assert int(mebibytes) < 40  # whole, it takes 230 MB


def test_file_objects_stay_open_and_are_read_from_their_start(files: dict[str, Path]) -> None:
    for extension, path in files.items():
        file = io.BytesIO(path.read_bytes())
        file.read(100)
        np.testing.assert_array_equal(read(file), read(path), err_msg=extension)
        assert not file.closed
        assert info(file) == info(path)


class Pipe(io.RawIOBase):
    """A stream that can't seek, in small gulps."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._data.readinto(memoryview(buffer)[:1000])


def test_pipes_fifos_and_standard_input(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files["flac"]
    wanted = read(path)
    np.testing.assert_array_equal(read(Pipe(path.read_bytes())), wanted)

    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(path.read_bytes()))
    writer.start()
    np.testing.assert_array_equal(read(fifo), wanted)
    writer.join()

    script = "from speechgru.audio.stream import read, info; print(len(read('-')))"
    for extension in FORMATS:
        data = files[extension].read_bytes()
        done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True)
        assert int(done.stdout) == len(read(files[extension]))

    monkeypatch.setattr("speechgru.audio.decode._SPOOL", 1000)  # what is too large for memory goes to disk
    np.testing.assert_array_equal(read(Pipe(path.read_bytes())), wanted)


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_standard_input_without_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    for stdin in (None, Terminal(io.BytesIO())):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(AudioError, match="Standard input is not connected"):
            read("-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(AudioError, match="standard input is empty"):
        read("-")


def header_only(folder: Path) -> Path:
    return encode(folder / "header.wav", np.zeros(0, np.float32))


def text_file(folder: Path) -> Path:
    path = folder / "text.wav"
    path.write_text("this is no sound\n" * 50)
    return path


def binary_junk(folder: Path) -> Path:
    path = folder / "junk.flac"
    path.write_bytes(b"\x00\x01\x02\x03" + RNG.bytes(5000))
    return path


def empty(folder: Path) -> Path:
    (folder / "empty.wav").touch()
    return folder / "empty.wav"


def low_rate(folder: Path) -> Path:
    return encode(folder / "low.wav", NOISE, 3999)


BAD = {
    "no such file": lambda folder: folder / "missing.wav",
    "folder": lambda folder: folder,
    "empty": empty,
    "no samples": header_only,
    "isn't audio": text_file,
    "isn't audio ": binary_junk,
    "at least 4000 Hz": low_rate,
    "device": lambda folder: Path("/dev/zero"),
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, message: str) -> None:
    path = BAD[message](tmp_path)
    for attempt in (read, info, AudioStream):
        with pytest.raises(AudioError, match=message.strip()) as caught:
            attempt(path)
        assert str(path) in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_unreadable_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.wav")

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(AudioError, match=r"a\.wav may not be read"):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", [0, 1])
def test_nan_and_infinity_are_refused_with_their_time(tmp_path: Path, value: float, channel: int) -> None:
    sound = np.zeros((160000, 2), np.float32)
    sound[120000, channel] = value
    path = encode(tmp_path / "a.wav", sound, format="WAV", subtype="FLOAT")
    with pytest.raises(AudioError, match=r"NaN or infinite.*7\.500 s"):
        read(path)


def test_wrong_kinds_of_source() -> None:
    for source in (io.StringIO("text"), 17, NOISE):
        with pytest.raises(AudioError, match="binary"):
            read(source)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="block_seconds"):
        AudioStream("any.wav", block_seconds=0)


def test_odd_names_and_a_closed_stream(tmp_path: Path) -> None:
    for name in ("-dash.wav", "späce ü.wav", "file:x.wav", "a%20b.wav"):
        np.testing.assert_array_equal(read(encode(tmp_path / name)), read(encode(tmp_path / "a.wav")))
    with pytest.raises(AudioError, match="can't be opened"):
        read("nul\0.wav")
    with AudioStream(tmp_path / "a.wav") as stream:
        pass
    assert list(stream) == []


def test_warnings_reach_the_caller(tmp_path: Path) -> None:
    encode(tmp_path / "loud.wav", np.clip(NOISE * 30, -1, 1))
    with pytest.warns(AudioWarning, match=r"loud\.wav: clipped") as caught:
        read(tmp_path / "loud.wav")
    assert caught[0].filename == __file__
    for name, signal, rate in (
        ("low.wav", NOISE, 8000),
        ("phone.flac", resample(resample(NOISE, 16000, 8000), 8000, 16000), 16000),
    ):
        with pytest.warns(AudioWarning, match="narrow band"):
            read(encode(tmp_path / name, signal, rate))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(encode(tmp_path / "good.wav"))
        read(encode(tmp_path / "silent.wav", np.zeros(40000, np.float32)))


def test_what_a_folder_scan_picks_up() -> None:
    assert all(is_audio(f"dir/a.{extension}") for extension in [*FORMATS, "WAV", "m4a", "webm"])
    assert not any(is_audio(name) for name in ("a.txt", "wav", ".wav", "._a.wav", "a.wav.part", "a"))
    assert {f".{name}" for name in formats.FORMATS} <= audio.AUDIO_EXTENSIONS


def test_a_rate_that_no_recording_has_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[24:28] = (2_130_722_432).to_bytes(4, "little")
    path.write_bytes(content)
    for read_it in (info, read):
        with pytest.raises(
            AudioError, match=r"a\.wav is sampled at 2130722432 Hz by its header; expected up to 1000000"
        ):
            read_it(path)


@pytest.mark.parametrize("channels", [1, 2])
def test_impossibly_large_samples_are_refused_without_a_stray_warning(tmp_path: Path, channels: int) -> None:
    samples = np.zeros((20000, channels), np.float32)
    samples[8000] = 3e38
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AudioError, match=r"impossibly large samples, the first at 0\.500 s"):
            read(tmp_path / "a.wav")


def test_unscaled_integers_in_a_float_file_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(20000, 2.0**31, np.float32), 16000, subtype="FLOAT")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        assert read(tmp_path / "a.wav").max() == 2.0**31
