"""Times are those of the file's own clock; a longer picture is no damage; of several tracks the right one is read.

A stand-in for ffmpeg shows what is asked of it and what is made of its answers; the rest runs where the program is
installed.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru import audio
from speechgru.audio import AudioStream, containers, edit, measure
from speechgru.audio.probe import probe
from speechgru.audio.window import Part
from speechgru.errors import AudioError

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
RATE = 24000

# Three things are asked of ffmpeg: what a file holds (no output), where its packets end (framecrc), its samples (au).
STAND_IN = f"""#!{sys.executable}
import json, os, struct, sys
told = json.loads(open(os.environ["TOLD"]).read())
with open(os.environ["TOLD"] + ".calls", "a") as calls:
    calls.write(json.dumps(sys.argv) + "\\n")
if "framecrc" in sys.argv:
    sys.stdout.write(told.get("packets", ""))
    sys.exit(0)
sys.stderr.write(told["probe"])
if "au" not in sys.argv:
    sys.exit(1)
sys.stderr.write(told.get("messages", ""))
sys.stderr.flush()
sys.stdout.buffer.write(struct.pack(">4sIIIII8x", b".snd", 32, 0xFFFFFFFF, 6, {RATE}, 1))
sys.stdout.buffer.write(struct.pack(">f", 0.5) * told["frames"])
"""


class StandIn:
    """What the program tells, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.told = folder / "told.json"
        self.path = folder / "film.mkv"
        self.path.write_text("any bytes")

    def tells(self, probe: str, seconds: float, **more: str) -> Path:
        self.told.write_text(json.dumps({"probe": probe, "frames": round(seconds * RATE), **more}))
        return self.path

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in Path(f"{self.told}.calls").read_text().splitlines()]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").write_text(STAND_IN)
    (tmp_path / "bin" / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("TOLD", str(tmp_path / "told.json"))
    return StandIn(tmp_path)


def described(
    container: str,
    length: float,
    start: float = 0.0,
    tag: float | None = None,
    tracks: int = 1,
    picture: bool = True,
) -> str:
    """What ffmpeg 5 to 9 print of a file."""
    lines = [
        f"Input #0, {container}, from 'film.mkv':",
        "  Metadata:",
        "    title           : Stream #0:7: Audio: none",
        f"  Duration: 00:00:{length:05.2f}, start: {start:.6f}, bitrate: 26 kb/s",
    ]
    if picture:
        lines += [
            "  Stream #0:0(und): Video: h264 (High), yuv420p",
            "      DURATION        : 00:00:12.000000000",
        ]
    for number in range(tracks):
        lines.append(f"  Stream #0:{number + 1}[0x2](eng): Audio: aac (LC), {RATE} Hz, mono, fltp (default)")
        if tag is not None:
            lines.append(f"      DURATION        : 00:00:{tag:012.9f}")
    return "\n".join([*lines, "At least one output file must be specified", ""])


def read(source: Path) -> tuple[AudioStream, np.ndarray]:
    with AudioStream(source, None) as stream:
        return stream, np.concatenate(list(stream))


# -------------------------------------------------------------------------------------------- false alarms


def test_a_picture_that_is_longer_than_the_sound_is_no_damage(stand_in: StandIn) -> None:
    packets = "#tb 0: 1/1000\n#tb 1: 1/24000\n0, 11900, 11900, 100, 9, 0x0\n1, 0, 0, 96000, 9, 0x0\n"
    for tag in (4.0, None):
        path = stand_in.tells(described("matroska,webm", 12, tag=tag), 4, packets=packets)
        stream, signal = read(path)
        assert len(signal) == 4 * RATE
        assert (stream.truncated, stream.warnings) == (False, [])
    assert audio.info(stand_in.tells(described("matroska,webm", 12, tag=4.0), 4)).duration == 4


@pytest.mark.parametrize("tag", [8.0, None])
def test_a_file_of_which_no_track_reaches_the_end_is_cut(stand_in: StandIn, tag: float | None) -> None:
    packets = "#tb 0: 1/1000\n#tb 1: 1/24000\n0, 4000, 4000, 100, 9, 0x0\n1, 0, 0, 96000, 9, 0x0\n"
    stream, _ = read(stand_in.tells(described("matroska,webm", 12, tag=tag), 4, packets=packets))
    assert stream.truncated
    assert "4.0 of " in (stream.problem or "")


def test_sound_alone_that_is_shorter_than_stated_is_cut(stand_in: StandIn) -> None:
    stream, _ = read(stand_in.tells(described("matroska,webm", 12, picture=False), 4))
    assert "4.0 of 12.0 s" in (stream.problem or "")
    assert not any("framecrc" in call for call in stand_in.calls())  # no second reading for what is known


def test_what_ffmpeg_says_of_a_cut_counts(stand_in: StandIn) -> None:
    probe = described("matroska,webm", 4).replace("Duration: 00:00:04.00", "Duration: N/A")
    stream, _ = read(stand_in.tells(probe, 4, messages="[matroska @ 0x1] [error] File ended prematurely\n"))
    assert stream.truncated


# ---------------------------------------------------------------------------------------------- the clock


@pytest.mark.parametrize("container", ["matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"])
def test_a_clock_that_starts_late_is_kept(stand_in: StandIn, container: str) -> None:
    read(stand_in.tells(described(container, 8, start=4, picture=False), 8))
    (decoding,) = (call for call in stand_in.calls() if "au" in call)
    assert "-copyts" in decoding
    assert "aresample=async=1:first_pts=0" in decoding


@pytest.mark.parametrize(
    ("container", "start"), [("mpegts", 1.4), ("mpegts", 7200.0), ("matroska,webm", 90000.0)]
)
def test_the_clock_of_a_broadcast_counts_from_its_first_second(
    stand_in: StandIn, container: str, start: float
) -> None:
    _, signal = read(stand_in.tells(described(container, 8, start=start), 8))
    assert "-copyts" not in next(call for call in stand_in.calls() if "au" in call)
    assert len(signal) == 8 * RATE


@pytest.mark.parametrize(
    "line",
    [
        "[verbose] Correcting start time of Input #0 by 2500000 us.\n",
        "[mpegts @ 0x1] [verbose] Correcting start time by 2500000\n",  # before version 6
    ],
)
@pytest.mark.parametrize("block", [0.1, 2.0, None])
def test_sound_that_ffmpeg_moves_to_the_front_is_moved_back(
    stand_in: StandIn, line: str, block: float | None
) -> None:
    path = stand_in.tells(described("mpegts", 8, start=1.4), 3, messages=line)
    with AudioStream(path, None, block) as stream:
        signal = np.concatenate(list(stream))
    assert len(signal) == round(5.5 * RATE)
    assert not signal[: round(2.5 * RATE)].any()
    assert (signal[round(2.5 * RATE) :] == 0.5).all()


def test_sound_that_the_clock_puts_over_other_sound_is_said_to_be_left_out(stand_in: StandIn) -> None:
    line = f"[Parsed_aresample_0 @ 0x1] [SWR @ 0x2] [verbose] discarding {2 * RATE} audio samples\n"
    stream, _ = read(stand_in.tells(described("matroska,webm", 4, picture=False), 4, messages=line))
    assert stream.truncated
    assert "2.0 s" in (stream.problem or "")


# --------------------------------------------------------------------------------------------- the tracks


def test_of_several_tracks_it_is_said_which_is_read(stand_in: StandIn) -> None:
    path = stand_in.tells(described("matroska,webm", 4, tag=4, tracks=3), 4)
    stream, _ = read(path)
    (warning,) = stream.warnings
    assert (warning.kind, stream.truncated) == ("tracks", False)
    assert "track 1 of 3" in warning.text
    assert "--track N" in warning.text
    assert "0:a:0" in next(call for call in stand_in.calls() if "au" in call)


def test_a_track_is_chosen_for_every_use(stand_in: StandIn, tmp_path: Path) -> None:
    track = audio.Track(stand_in.tells(described("matroska,webm", 4, tag=4, tracks=3), 4), 3)
    stream, _ = read(track)  # type: ignore[arg-type]
    assert stream.warnings == []
    audio.info(track)
    measure.measure(track)
    edit.convert(track, tmp_path / "out.wav")
    decoding = [call for call in stand_in.calls() if "au" in call]
    assert len(decoding) == 4
    assert all("0:a:2" in call for call in decoding)
    with pytest.raises(
        AudioError, match=r"film\.mkv has 3 audio tracks; got track 4\. Choose one from 1 to 3"
    ):
        read(audio.Track(stand_in.path, 4))  # type: ignore[arg-type]


def test_a_film_without_sound_is_refused_for_that(stand_in: StandIn) -> None:
    with pytest.raises(AudioError, match=r"film\.mkv isn't audio.*no sound"):
        audio.info(stand_in.tells(described("mov,mp4", 8, tracks=0), 0))
    lines = "[mov @ 0x1] moov atom not found\nError opening input file film.mkv.\nError opening input files: Invalid\n"
    with pytest.raises(AudioError, match=r"ffmpeg says: moov atom not found$"):
        audio.info(stand_in.tells(lines, 0))


def test_what_is_told_is_understood(stand_in: StandIn) -> None:
    path = stand_in.tells(described("mov,mp4", 8, start=4, tag=6.5, tracks=2), 4)
    told = probe(f"file:{path}", "file")
    assert (told.format, told.start, told.end, told.length) == ("mov,mp4", 4, 12, 12)
    assert [(each.language, each.codec, each.end) for each in told.tracks] == [("eng", "aac", 6.5)] * 2
    assert told.has_others
    cover = described("mov,mp4", 8).replace("yuv420p", "yuvj420p (attached pic)")
    assert not probe(f"file:{stand_in.tells(cover, 4)}", "file").has_others


# ---------------------------------------------------------------------------------- containers from outside


def box(kind: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def mp4(*seconds: float, scale: int = 600) -> bytes:
    """An MP4 without samples, of a picture and audio tracks of so many seconds."""

    def track(kind: bytes, length: float) -> bytes:
        head = struct.pack(">IIIIII", 0, 0, 0, 1, 0, round(length * scale))
        return box(b"trak", box(b"tkhd", head), box(b"mdia", box(b"hdlr", bytes(8) + kind + bytes(12))))

    tracks = b"".join([track(b"vide", 99), *(track(b"soun", length) for length in seconds)])
    movie = struct.pack(">IIIII", 0, 0, 0, scale, 99 * scale)
    return (
        box(b"ftyp", b"isom" + bytes(4))
        + box(b"moov", box(b"mvhd", movie), tracks)
        + box(b"mdat", bytes(100))
    )


def test_the_length_of_each_audio_track_of_an_mp4() -> None:
    assert containers.mp4_seconds(io.BytesIO(mp4(4.5, 8.25))) == [4.5, 8.25]
    assert containers.mp4_seconds(io.BytesIO(mp4(0))) == [None]
    assert containers.mp4_seconds(io.BytesIO(b"RIFF" + bytes(100))) == []
    whole = mp4(4.5)
    assert containers.mp4_seconds(io.BytesIO(whole.replace(b"tkhd", b"free"))) == [None]
    for cut in range(len(whole)):
        assert len(containers.mp4_seconds(io.BytesIO(whole[:cut]))) <= 1


def matroska(known: bool) -> bytes:
    head = b"\x1a\x45\xdf\xa3\x8b\x42\x86\x81\x01\x42\x82\x84webm"
    body = bytes(range(1, 200))
    size = struct.pack(">Q", 1 << 56 | len(body)) if known else b"\x01" + b"\xff" * 7
    return head + b"\x18\x53\x80\x67" + size + body


def asf() -> bytes:
    guid = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
    return guid + struct.pack("<Q", 40) + bytes(16) + bytes(16) + struct.pack("<Q", 80) + bytes(56)


def avi() -> bytes:
    more = b"RIFF" + struct.pack("<I", 24) + b"AVIX" + bytes(20)
    return b"RIFF" + struct.pack("<I", 44) + b"AVI " + bytes(40) + more


@pytest.mark.parametrize("data", [mp4(4), matroska(True), matroska(False), asf(), avi()])
def test_where_joined_containers_begin(data: bytes) -> None:
    size = len(data)
    assert containers.parts(io.BytesIO(data)) == [Part(0, size)]
    assert containers.parts(io.BytesIO(data * 2)) == [Part(0, size), Part(size, 2 * size)]
    assert containers.parts(io.BytesIO(data + b"junk" * 30))[0].start == 0
    for cut in range(1, size):
        parts = containers.parts(io.BytesIO(data[:cut]))
        assert (parts[0].start, parts[-1].end) == (0, cut)


def test_all_of_joined_containers_is_read(stand_in: StandIn) -> None:
    path = stand_in.tells(described("matroska,webm", 4, tag=4, picture=False), 4)
    path.write_bytes(matroska(False) * 2)
    stream, signal = read(path)
    assert len(signal) == 8 * RATE
    assert (stream.duration, stream.truncated, stream.warnings) == (8, False, [])
    urls = {call[call.index("-i") + 1] for call in stand_in.calls() if "au" in call}
    half = len(matroska(False))
    assert urls == {f"subfile,,start,{at},end,{at + half},,:file:{path}" for at in (0, half)}
    assert all(call[call.index("-protocol_whitelist") + 1] == "file,subfile" for call in stand_in.calls())


# ------------------------------------------------------------------------------------- the program itself

NOISE = (0.1 * np.random.default_rng(0).standard_normal(16000 * 4)).astype(np.float32)
PICTURE = ["-f", "lavfi", "-i", "color=c=black:s=64x64:r=10:d=12"]


def made(folder: Path, name: str, *options: str) -> Path:
    soundfile.write(folder / "source.wav", NOISE, 16000)
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *options, folder / name], capture_output=True, text=True, cwd=folder
    )
    if done.returncode:
        pytest.skip(f"this ffmpeg can't write {name}: {done.stderr.strip()[-100:]}")
    return folder / name


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts"])
@pytest.mark.parametrize("delay", [0, 4])
def test_sound_beside_a_picture_is_where_the_file_has_it(tmp_path: Path, name: str, delay: int) -> None:
    late = ["-itsoffset", str(delay), "-i", "source.wav"]
    path = made(tmp_path, name, *PICTURE, *late, "-map", "0:v", "-map", "1:a", "-c:v", "mpeg4", "-c:a", "aac")
    stream, signal = read(path)
    assert (stream.truncated, stream.warnings) == (False, [])
    assert len(signal) / stream.sample_rate == pytest.approx(4 + delay, abs=0.2)
    first = np.flatnonzero(np.abs(signal) > 0.02)[0] / stream.sample_rate
    assert first == pytest.approx(delay, abs=0.1)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.mka", "a.webm"])
def test_sound_alone_that_starts_late_does(tmp_path: Path, name: str) -> None:
    stream, signal = read(made(tmp_path, name, "-itsoffset", "4", "-i", "source.wav"))
    assert not stream.truncated
    assert np.flatnonzero(np.abs(signal) > 0.02)[0] / stream.sample_rate == pytest.approx(4, abs=0.1)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.ogg", "a.opus"])
def test_an_ogg_stream_counts_from_its_first_sample(tmp_path: Path, name: str) -> None:
    """One that starts late was caught in the midst of a broadcast (RFC 7845, 4): nothing of it is missing."""
    stream, signal = read(made(tmp_path, name, "-itsoffset", "4", "-i", "source.wav"))
    at_once, whole = read(made(tmp_path, f"b{name}", "-i", "source.wav"))
    assert (stream.truncated, stream.warnings, at_once.warnings) == (False, [], [])
    assert len(signal) == len(whole) and stream.duration == at_once.duration
    assert np.flatnonzero(np.abs(signal) > 0.02)[0] / stream.sample_rate < 0.1


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.mka", "a.ts"])
def test_a_gap_in_a_track_is_silence(tmp_path: Path, name: str) -> None:
    drop = "noise=drop='between(n,24,39)'"
    stream, signal = read(made(tmp_path, name, "-i", "source.wav", "-c:a", "aac", "-bsf:a", drop))
    rate = stream.sample_rate
    assert len(signal) / rate == pytest.approx(4, abs=0.2)
    assert not signal[round(1.75 * rate) : round(2.35 * rate)].any()
    assert np.std(signal[3 * rate : 4 * rate - rate // 5]) > 0.03
    assert not stream.truncated


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.mka", "a.webm", "a.wma", "a.oga", "späce 'n #.m4a"])
def test_joined_containers_are_read_to_the_last(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name, "-i", "source.wav", *(["-c:a", "flac"] if name == "a.oga" else []))
    once = len(read(path)[1])
    path.write_bytes(path.read_bytes() * 2)
    for source in (path, io.BytesIO(path.read_bytes())):
        stream, signal = read(source)  # type: ignore[arg-type]
        assert len(signal) == 2 * once
        assert not stream.truncated


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mka", "a.mp4", "a.ogg"])
def test_each_track_can_be_read(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / "short.wav", NOISE[:32000], 16000)
    path = made(tmp_path, name, "-i", "source.wav", "-i", tmp_path / "short.wav", "-map", "0", "-map", "1")  # type: ignore[arg-type]
    lengths = [len(audio.read(audio.Track(path, number))) / 16000 for number in (1, 2)]
    assert lengths == [pytest.approx(4, abs=0.2), pytest.approx(2, abs=0.2)]
    assert [each.kind for each in read(path)[0].warnings] == ["tracks"]
    with pytest.raises(AudioError, match="2 audio tracks"):
        audio.read(audio.Track(path, 3))
