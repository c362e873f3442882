"""Recordings that break off: what is there is read, and said to be cut; whole ones, however odd, are not."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru import audio
from speechgru.audio import AudioStream, AudioWarning
from speechgru.errors import AudioError

RATE = 16000
NOISE = (0.1 * np.random.default_rng(0).standard_normal(RATE * 8)).astype(np.float32)
FORMATS = {
    "wav": {"format": "WAV"},
    "rf64": {"format": "RF64"},
    "aiff": {"format": "AIFF"},
    "au": {"format": "AU"},
    "flac": {"format": "FLAC"},
    "mp3": {"format": "MP3"},
    "vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}


@pytest.fixture(autouse=True)
def _without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # it would hide what libsndfile refuses


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, NOISE, RATE, **FORMATS[kind])
    return file.getvalue()


def stream_of(data: bytes) -> tuple[AudioStream, np.ndarray]:
    stream = AudioStream(io.BytesIO(data), RATE)
    return stream, np.concatenate(list(stream))


@pytest.mark.parametrize("kind", FORMATS)
def test_whole_files_are_whole(kind: str) -> None:
    stream, signal = stream_of(encoded(kind))
    assert (stream.truncated, stream.warnings) == (False, [])
    assert len(signal) == len(NOISE)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("kept", [0.25, 0.5, 0.8, 0.95])
def test_cut_files_give_what_is_there(kind: str, kept: float) -> None:
    data = encoded(kind)
    stream, signal = stream_of(data[: int(len(data) * kept)])
    assert stream.truncated
    assert len(stream.warnings) == 1
    assert "damaged or cut short" in stream.warnings[0].text
    assert f"{len(signal) / RATE:.1f}" in stream.warnings[0].text
    # Codecs lose up to a page or a frame; what is left is the beginning, not noise.
    assert kept * 8 - 1.3 < len(signal) / RATE <= kept * 8 + 0.1
    assert np.corrcoef(signal, NOISE[: len(signal)])[0, 1] > 0.8


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", FORMATS)
def test_cut_anywhere_it_is_cut_or_no_recording(kind: str) -> None:
    data = encoded(kind)
    for cut in [*range(1, 80), *range(80, 3000, 97)]:
        with suppress(AudioError):
            stream, _ = stream_of(data[:cut])
            assert stream.truncated, cut


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_ogg_that_breaks_off_between_two_pages(kind: str) -> None:
    data = encoded(kind)
    stream, _ = stream_of(data[: data.rfind(b"OggS")])
    assert stream.truncated


@pytest.mark.parametrize("kind", ["flac", "mp3", "vorbis"])
def test_damage_in_the_middle(kind: str) -> None:
    data = bytearray(encoded(kind))
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    stream, signal = stream_of(bytes(data))
    assert stream.truncated
    assert len(signal) >= 3 * RATE
    assert np.corrcoef(signal[: 3 * RATE], NOISE[: 3 * RATE])[0, 1] > 0.8


def test_nothing_readable_is_an_error() -> None:
    data = encoded("flac")
    with pytest.raises(AudioError, match="no samples could be read: damaged or cut short"):
        stream_of(data[:500])


def test_read_warns(tmp_path: Path) -> None:
    data = encoded("wav")
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    with pytest.warns(AudioWarning, match=r"cut\.wav: damaged or cut short: 4\.0 s could be read"):
        audio.read(tmp_path / "cut.wav")


def wav(riff_size: int, data_size: int, after: bytes = b"", samples: int = 8000) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    body = (NOISE[:samples] * 32768).astype("<i2").tobytes()
    return (
        struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE")
        + fmt
        + struct.pack("<4sI", b"data", data_size)
        + body
        + after
    )


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF),  # ffmpeg to a pipe
        (0x7FFFF024, 0x7FFFF000),  # sox, espeak
        (0x80000024, 0x80000000),  # arecord
        (0, 0),
        (36, 0),  # Python's wave and many recorders before they are closed
        (0xFFFFFFFF, 0),
        (0, 0xFFFFFFFF),
    ],
)
def test_open_lengths_of_wav_writers_are_not_cuts(riff_size: int, data_size: int) -> None:
    stream, signal = stream_of(wav(riff_size, data_size))
    assert len(signal) == 8000
    assert np.abs(signal - NOISE[:8000]).max() < 1e-4
    assert (stream.truncated, stream.warnings) == (False, [])
    assert stream.duration == 0.5


def test_wav_without_samples_but_with_other_chunks() -> None:
    tags = b"LIST" + struct.pack("<I", 400) + bytes(400)
    with pytest.raises(AudioError, match="no samples"):
        stream_of(wav(36 + len(tags), 0, tags, samples=0))


def test_wav_with_chunks_behind_is_not_cut() -> None:
    tags = b"LIST" + struct.pack("<I", 400) + bytes(400)
    stream, signal = stream_of(wav(36 + 16000 + len(tags), 16000, tags))
    assert len(signal) == 8000
    assert not stream.truncated
