"""Files that hold more than their first header counts: all is read; what is no sound is left out and not accused."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru import audio
from speechgru.audio import AudioStream, edit, measure, parts, window
from speechgru.audio import mp3 as mp3_module
from speechgru.errors import AudioError

RATE = 16000
RNG = np.random.default_rng(0)
# Noise whose level rises: what is lost, doubled or in another order shows.
FIRST = (np.linspace(0.02, 0.1, RATE * 2) * RNG.standard_normal(RATE * 2)).astype(np.float32)
SECOND = (np.linspace(0.2, 0.1, RATE * 3) * RNG.standard_normal(RATE * 3)).astype(np.float32)
FORMATS = {
    "wav": {"format": "WAV"},
    "float": {"format": "WAV", "subtype": "FLOAT"},
    "rf64": {"format": "RF64"},
    "w64": {"format": "W64"},
    "aiff": {"format": "AIFF"},
    "au": {"format": "AU"},
    "caf": {"format": "CAF"},
    "flac": {"format": "FLAC"},
    "mp3": {"format": "MP3"},
    "vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}
ID3 = b"ID3\4\0\0\0\0\2\0" + bytes(256)
ID3V1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 32, 0, 0)


@pytest.fixture(autouse=True)
def _without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # it would read some of these by itself


def encoded(kind: str, signal: np.ndarray = FIRST, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, signal, rate, **FORMATS[kind])
    return file.getvalue()


def without_count(mp3: bytes) -> bytes:
    tag = max(mp3.find(b"Info"), mp3.find(b"Xing"))
    return mp3[:tag] + bytes(12) + mp3[tag + 12 :]


def read(data: bytes) -> tuple[AudioStream, np.ndarray]:
    stream = AudioStream(io.BytesIO(data), RATE)
    return stream, np.concatenate(list(stream))


def is_like(got: np.ndarray, wanted: np.ndarray) -> bool:
    return len(got) == len(wanted) and float(np.corrcoef(got, wanted)[0, 1]) > 0.8


@pytest.mark.parametrize("kind", FORMATS)
def test_joined_recordings_are_read_to_the_last(kind: str) -> None:
    one, other = encoded(kind), encoded(kind, SECOND)
    separate = [read(data)[1] for data in (one, other, one)]
    stream, signal = read(one + other + one)
    np.testing.assert_array_equal(signal, np.concatenate(separate))  # to the sample, at every seam
    assert is_like(signal, np.concatenate([FIRST, SECOND, FIRST]))
    assert stream.duration == len(signal) / RATE
    assert (stream.truncated, stream.warnings) == (False, [])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("seconds", [0.3, 1.7, None])
def test_blocks_of_joined_recordings_equal_the_whole(kind: str, seconds: float | None) -> None:
    data = encoded(kind) + encoded(kind, SECOND)
    for channels in ("mix", "all"):
        blocks = list(AudioStream(io.BytesIO(data), 8000, seconds, channels))  # type: ignore[arg-type]
        whole = audio.resample(read(data)[1], RATE, 8000)
        assert len(whole) == 5 * 8000
        np.testing.assert_allclose(np.concatenate(blocks).reshape(-1), whole, atol=1e-4)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "opus"])
def test_info_and_convert_pass_nothing_by(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"joined.{kind}"
    path.write_bytes(encoded(kind) + encoded(kind, SECOND))
    assert audio.info(path).duration == 5
    told = measure.measure(path)
    assert (told.duration, told.problem, told.notes) == (5, None, ())
    assert not edit.convert(path, tmp_path / "out.wav").truncated
    assert audio.info(tmp_path / "out.wav").duration == 5


def test_joined_recordings_of_other_rates_and_channels_are_brought_to_the_first() -> None:
    stereo = np.repeat(audio.resample(SECOND, RATE, 44100)[:, None], 2, axis=1)
    for kind in ("wav", "flac", "mp3", "vorbis"):
        one, other = encoded(kind), encoded(kind, stereo, 44100)
        stream, signal = read(one + other)
        assert len(signal) == pytest.approx(5 * RATE, abs=2)
        assert is_like(signal[: 5 * RATE - 2], np.concatenate([FIRST, SECOND])[: 5 * RATE - 2])
        assert [warning.kind for warning in stream.warnings] == ["layout"]
        assert "44100 Hz with 2 channels" in stream.warnings[0].text
        with AudioStream(io.BytesIO(other + one), None, channels="all") as stream:
            assert np.concatenate(list(stream)).shape == (pytest.approx(5 * 44100, abs=2), 2)


def test_recordings_of_other_formats_may_follow() -> None:
    stream, signal = read(
        b"".join(encoded(kind) for kind in ("wav", "mp3", "opus", "aiff", "flac", "au", "flac", "mp3"))
    )
    assert is_like(signal, np.tile(FIRST, 8))
    assert not stream.truncated


@pytest.mark.parametrize("between", [b"", ID3, ID3V1, ID3V1 + ID3, APE + ID3V1])
def test_tags_between_mp3s_are_no_sound(between: bytes) -> None:
    one, other = encoded("mp3"), encoded("mp3", SECOND)
    stream, signal = read(ID3 + one + between + other + ID3V1)
    assert is_like(signal, np.concatenate([FIRST, SECOND]))
    assert (stream.truncated, stream.warnings) == (False, [])


def test_mp3s_of_which_some_count_their_frames() -> None:
    one, other = encoded("mp3"), encoded("mp3", SECOND)
    bare = without_count(other)
    for data in (one + bare, bare + one, bare + bare):
        stream, signal = read(data)
        wanted = 6 if data == bare + bare else 5
        assert len(signal) / RATE == pytest.approx(
            wanted, abs=0.3
        )  # without a count, the encoder's padding stays
        assert not stream.truncated


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "vorbis", "opus", "aiff", "au"])
@pytest.mark.parametrize("broken", ["first", "second"])
def test_a_part_that_breaks_off_is_said_and_the_other_is_read(kind: str, broken: str) -> None:
    cut, whole = encoded(kind)[: len(encoded(kind)) * 2 // 3], encoded(kind, SECOND)
    stream, signal = read(cut + whole if broken == "first" else whole + cut)
    assert stream.truncated
    assert f"part {1 if broken == 'first' else 2} of 2" in (stream.problem or "")
    assert len(signal) > 3 * RATE
    tail = signal[-3 * RATE :] if broken == "first" else signal[: 3 * RATE]
    assert is_like(tail, SECOND)


JUNK = {
    "zeros": bytes(50_000),
    "ones": b"\xff" * 50_000,
    "text": b"<html>404 not found</html>\n" * 2000,
    "random": np.random.default_rng(1).bytes(50_000),
    "few bytes": b"abc\1\2",
    "tag": ID3V1,
    "chunk": b"LIST" + struct.pack("<I", 400) + bytes(400),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("junk", JUNK)
def test_what_follows_and_is_no_sound_is_not_accused(kind: str, junk: str) -> None:
    stream, signal = read(encoded(kind) + JUNK[junk])
    assert is_like(signal, FIRST)
    assert (stream.truncated, stream.warnings) == (False, [])


def wav(counted: int, signal: np.ndarray = SECOND, riff: int | None = None, bits: int = 16) -> bytes:
    """A WAV file whose header counts `counted` bytes of samples."""
    width = bits // 8
    samples = (signal * 32768).astype("<i2").tobytes() if bits == 16 else signal.astype("<f4").tobytes()
    kind = 1 if bits == 16 else 3
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, 1, RATE, width * RATE, width, bits)
    head = struct.pack("<4sI4s", b"RIFF", 36 + counted if riff is None else riff, b"WAVE")
    return head + form + struct.pack("<4sI", b"data", counted) + samples


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("riff", ["as the data", "of the file"])
def test_a_wav_whose_header_counts_too_little_is_read_whole(bits: int, share: float, riff: str) -> None:
    size = len(SECOND) * bits // 8
    counted = int(len(SECOND) * share) * bits // 8
    stream, signal = read(wav(counted, riff=None if riff == "as the data" else 36 + size, bits=bits))
    assert len(signal) == len(SECOND)
    assert np.abs(signal - SECOND).max() < 1e-4
    assert not stream.truncated
    assert [warning.kind for warning in stream.warnings] == ["layout"]
    assert f"counts {counted} of {size} bytes" in stream.warnings[0].text


def test_an_au_whose_header_counts_too_little_is_read_whole() -> None:
    data = bytearray(encoded("au", SECOND))
    data[8:12] = struct.pack(">I", RATE * 2)
    stream, signal = read(bytes(data))
    assert is_like(signal, SECOND)
    assert [warning.kind for warning in stream.warnings] == ["layout"]


@pytest.mark.parametrize("between", [b"", ID3])
@pytest.mark.parametrize("has_frame", [True, False])
def test_an_mp3_that_counts_nothing_behind_a_flac(between: bytes, has_frame: bool) -> None:
    mp3 = without_count(encoded("mp3", SECOND))
    first = mp3_module._frame(mp3[:4])
    assert first is not None
    stream, signal = read(encoded("flac") + between + mp3[0 if has_frame else first.size :])
    wanted = (len(FIRST) + len(SECOND)) / RATE
    assert len(signal) / RATE == pytest.approx(wanted, abs=0.2)  # the encoder's padding stays
    assert is_like(signal[: len(FIRST)], FIRST)
    assert (stream.truncated, stream.warnings) == (False, [])


def test_a_short_mp3_behind_a_flac() -> None:
    """Of fewer frames than are looked for, as long as it ends the file."""
    mp3 = without_count(encoded("mp3", SECOND))
    frames, place = 0, 0
    while frames < 5:
        frame = mp3_module._frame(mp3[place : place + 4])
        assert frame is not None
        frames, place = frames + 1, place + frame.size
    flac = encoded("flac")
    found = parts.layout(io.BytesIO(flac + mp3[:place]))
    assert [part.start for part in found.parts] == [0, len(flac)]
    assert len(parts.layout(io.BytesIO(flac + mp3[: place - 9])).parts) == 1  # that few may be chance


@pytest.mark.parametrize(
    "foreign",
    [
        b"\0\0\0\x1cftypM4A \0\0\2\0M4A isomiso2",
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01",
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    ],
    ids=["MP4", "Matroska", "ASF"],
)
def test_what_lies_behind_a_flac_and_is_not_read_is_told(foreign: bytes) -> None:
    rest = foreign + bytes(range(256)) * 40
    stream, signal = read(encoded("flac", SECOND) + rest)
    assert is_like(signal, SECOND) and len(signal) == len(SECOND)
    assert stream.truncated and stream.problem is not None and f"its last {len(rest)} bytes" in stream.problem


def test_no_mp3_is_found_in_a_flac_of_noise() -> None:
    noise = np.random.default_rng(7).integers(-(1 << 15), 1 << 15, 2_000_000).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, noise, RATE, format="FLAC")
    assert len(parts.layout(file).parts) == 1


@pytest.mark.parametrize("stated", [0, 1, 8, 12, 23])
@pytest.mark.parametrize("counted", [RATE, 2 * len(SECOND), 2 * len(SECOND) + 24])
def test_an_au_whose_samples_begin_within_its_header_is_read_whole(stated: int, counted: int) -> None:
    data = bytearray(encoded("au", SECOND))
    data[4:12] = struct.pack(">II", stated, counted)
    stream, signal = read(bytes(data))
    assert len(signal) == len(SECOND) and is_like(signal, SECOND)
    assert [warning.kind for warning in stream.warnings if warning.kind == "layout"] == ["layout"]
    assert f"begin at byte {stated}, within itself" in stream.warnings[-1].text


def test_a_damaged_length_is_no_bytes() -> None:
    assert window.read_at(io.BytesIO(b"abc"), 1, -1) == b""


def test_a_wav_that_counts_too_little_may_be_joined_to_another() -> None:
    stream, signal = read(wav(RATE) + encoded("wav"))
    assert is_like(signal, np.concatenate([SECOND, FIRST]))
    assert not stream.truncated


def test_wavs_of_writers_that_leave_the_length_open_are_joined(tmp_path: Path) -> None:
    for counted in (0, 0xFFFFFFFF, 0x7FFFF000):
        stream, signal = read(wav(counted, riff=counted) + wav(counted, FIRST, riff=counted))
        assert len(signal) == 5 * RATE
        assert np.abs(signal - np.concatenate([SECOND, FIRST])).max() < 1e-4  # no header among the samples
        assert not stream.truncated


@pytest.mark.parametrize("rest", [1_000_000, 3_000_000_000])
def test_a_wav_beyond_four_gibibytes_has_its_real_length(tmp_path: Path, rest: int) -> None:
    path = tmp_path / "long.wav"
    size = 2**32 + rest  # bytes of samples; the header counts what is left over
    with open(path, "wb") as file:
        file.write(wav(rest, SECOND[:0], riff=(36 + size) % 2**32))
        file.truncate(44 + size)  # sparse: it takes no disk
    with AudioStream(path) as stream:
        assert stream.duration == size / 2 / RATE
        assert "4 GiB" in stream.warnings[0].text
    with open(path, "rb") as file:
        found = parts.layout(file).parts
    assert [part.end - part.start for part in found][:-1] == [1 << 30] * (len(found) - 1)
    assert sum(part.end - part.start for part in found) == size


def test_an_aiff_whose_header_counts_too_little_is_said_to_be_read_in_part() -> None:
    data = bytearray(encoded("aiff", SECOND))
    common, sound = data.find(b"COMM"), data.find(b"SSND")
    data[common + 10 : common + 14] = struct.pack(">I", RATE)
    data[sound + 4 : sound + 8] = struct.pack(">I", 8 + 2 * RATE)
    data[4:8] = struct.pack(">I", sound + 16 + 2 * RATE - 8)
    stream, signal = read(bytes(data))
    assert is_like(signal, SECOND[:RATE])
    assert stream.truncated
    assert f"{4 * RATE} bytes" in (stream.problem or "")


@pytest.mark.parametrize("head", [b"\0\0\0\x20ftypM4A ", b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska"])
def test_a_container_that_follows_is_said_to_be_unread(head: bytes) -> None:
    for kind in ("wav", "mp3", "aiff", "au", "opus"):
        rest = head + np.random.default_rng(2).bytes(20_000)
        stream, signal = read(encoded(kind) + rest)
        assert is_like(signal, FIRST), kind
        assert f"{len(rest)} bytes" in (stream.problem or ""), kind


def test_a_part_that_no_decoder_knows_is_said() -> None:
    odd = bytearray(encoded("wav", SECOND))
    odd[20:22] = b"\x99\x99"  # a codec that nobody has
    stream, signal = read(encoded("wav") + bytes(odd) + encoded("wav"))
    assert is_like(signal, np.tile(FIRST, 2))
    assert stream.truncated
    assert "part 2 of 3" in (stream.problem or "")


@settings(max_examples=150)
@given(
    kind=st.sampled_from(sorted(FORMATS)),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
)
def test_no_bytes_make_the_layout_fail(kind: str, cut: float, changes: list[tuple[float, int]]) -> None:
    data = bytearray(encoded(kind, FIRST[:4000]) + encoded(kind, FIRST[:4000]))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    file = io.BytesIO(bytes(data[: int(cut * len(data))]))
    found = parts.layout(file).parts
    assert found
    assert all(0 <= part.start <= part.end <= len(file.getvalue()) for part in found)


def test_a_track_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encoded("wav"))
    assert len(audio.read(audio.Track(path, 1))) == len(FIRST)
    with pytest.raises(AudioError, match=r"a\.wav has one audio track; got track 2"):
        audio.read(audio.Track(path, 2))
    for number in (0, -1, 1.5, True):
        with pytest.raises(AudioError, match="whole number"):
            audio.Track(path, number)  # type: ignore[arg-type]
