"""MP3s with and without a header that counts their frames."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from speechgru.audio import AudioStream
from speechgru.audio.mp3 import Mp3Length, mp3_length

NOISE = (0.1 * np.random.default_rng(0).standard_normal(48000 * 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def _without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # it would hide what libsndfile refuses


def encoded(rate: int = 16000, channels: int = 1, mode: str = "VARIABLE") -> bytes:
    file = io.BytesIO()
    signal = np.repeat(NOISE[: rate * 6, None], channels, axis=1)
    signal[: rate * 3] *= 0.001  # quiet, then loud: a variable bit rate that no first frame foretells
    soundfile.write(file, signal, rate, format="MP3", bitrate_mode=mode)
    return file.getvalue()


def without_count(data: bytes) -> bytes:
    """`data` with the tag that counts the frames gone; its silent frame stays."""
    tag = max(data.find(b"Info"), data.find(b"Xing"))
    assert 0 < tag < 100
    return data[:tag] + bytes(12) + data[tag + 12 :]


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_counting_agrees_with_the_header(rate: int, channels: int) -> None:
    data = encoded(rate, channels)
    stated = mp3_length(io.BytesIO(data))
    assert stated.stated
    assert rate * 6 <= stated.samples < rate * 6 + 4 * 1152
    counted = mp3_length(io.BytesIO(without_count(data)))
    frame = 1152 if rate >= 32000 else 576
    assert counted == Mp3Length(stated.samples + frame, False)  # the silent frame counts now
    assert mp3_length(io.BytesIO(without_count(data)[:-10])) == Mp3Length(stated.samples, False, cut=True)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_all_is_read_without_a_count(mode: str) -> None:
    data = without_count(encoded(mode=mode))
    stream = AudioStream(io.BytesIO(data))
    signal = np.concatenate(list(stream))
    assert stream.duration == pytest.approx(6, abs=0.2)
    assert len(signal) / 16000 == pytest.approx(6, abs=0.2)
    assert np.std(signal[-8000:]) > 0.03
    assert (stream.truncated, stream.warnings) == (False, [])


def test_a_cut_is_seen_without_a_count() -> None:
    data = without_count(encoded())
    stream = AudioStream(io.BytesIO(data[: len(data) * 2 // 3]))
    assert sum(map(len, stream)) > 3 * 16000
    assert stream.truncated


def test_tags_around_the_sound() -> None:
    data = encoded()
    tagged = b"ID3\4\0\0\0\0\2\0" + bytes(256) + data + b"TAG" + bytes(125)
    assert mp3_length(io.BytesIO(tagged)) == mp3_length(io.BytesIO(data))
    for source in (tagged, without_count(data) + b"TAG" + bytes(125)):
        stream = AudioStream(io.BytesIO(source))
        assert sum(map(len, stream)) >= 6 * 16000
        assert not stream.truncated


@pytest.mark.parametrize("data", [b"", b"ID3", b"no sound at all", b"\xff\xfb", bytes(500)])
def test_what_is_no_mp3_has_no_length(data: bytes) -> None:
    assert mp3_length(io.BytesIO(data)) == Mp3Length(0, False)
