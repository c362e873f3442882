"""Recordings for benchmarks/fuzz.py: a reader a format, of headers and of samples."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from fuzz_process import Reader

from speechgru import audio
from speechgru.errors import AudioError
from speechgru.utils.assets import ASSETS

SECONDS = 0.3
# Container, sample formats: what libsndfile writes.
_WRITTEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "wav": ("WAV", ("PCM_16", "PCM_U8", "FLOAT", "ULAW", "IMA_ADPCM", "GSM610")),
    "wavex": ("WAVEX", ("PCM_16", "PCM_24")),
    "aiff": ("AIFF", ("PCM_16", "FLOAT")),
    "au": ("AU", ("PCM_16", "ULAW")),
    "caf": ("CAF", ("PCM_16", "ALAC_16")),
    "w64": ("W64", ("PCM_16",)),
    "rf64": ("RF64", ("PCM_16",)),
    "sph": ("NIST", ("PCM_16", "ULAW")),
    "flac": ("FLAC", ("PCM_16",)),
    "mp3": ("MP3", ("MPEG_LAYER_III",)),
    "ogg": ("OGG", ("VORBIS",)),
    "opus": ("OGG", ("OPUS",)),
}
_SUFFIXES = {"wavex": ".wav", "rf64": ".wav"}
_REAL = {".mp3": 2, ".opus": 2, ".wav": 1}
_FFMPEG = {
    "m4a": ("-c:a", "aac"),
    "webm": ("-c:a", "libopus"),
    "mka": ("-c:a", "pcm_s16le"),
    "wma": ("-c:a", "wmav2"),
}


@cache
def _sound() -> tuple[np.ndarray, int]:
    """Some speech: of the packaged sample, or where it isn't there a tone."""
    path = ASSETS / "sample.flac"
    if path.is_file():
        samples, rate = soundfile.read(path, dtype="float32")
        return samples[rate : rate + int(SECONDS * rate)], rate
    return np.sin(np.arange(int(SECONDS * 16000)) / 9).astype(np.float32), 16000


def _made(name: str) -> list[bytes]:
    samples, rate = _sound()
    container, subtypes = _WRITTEN[name]
    files = []
    for subtype in subtypes:
        for channels in (1, 2):
            if (subtype, channels) == ("GSM610", 2):
                continue
            stream = io.BytesIO()
            data = samples if channels == 1 else np.stack([samples, samples[::-1]], axis=1)
            soundfile.write(stream, data, rate, format=container, subtype=subtype)
            files.append(stream.getvalue())
    return files


def _real(suffix: str) -> list[bytes]:
    """The shortest of the first recordings below SPEECHGRU_DATA."""
    root = os.environ.get("SPEECHGRU_DATA")
    if not root or suffix not in _REAL:
        return []
    found = sorted(Path(root, "speech").rglob(f"*{suffix}"))[:2000]
    found.sort(key=lambda path: (path.stat().st_size, path.name))
    return [path.read_bytes() for path in found[: _REAL[suffix]]]


def _seeds(name: str) -> Callable[[], list[bytes]]:
    return cache(lambda: [*_made(name), *_real(f".{name}")])


@cache
def _by_ffmpeg() -> list[bytes]:
    """What only ffmpeg reads, made by it; where it isn't installed a file that everything refuses is left."""
    if shutil.which("ffmpeg") is None:
        return []
    samples, rate = _sound()
    files = []
    with tempfile.TemporaryDirectory() as folder:
        soundfile.write(Path(folder, "a.wav"), samples, rate)
        for suffix, options in _FFMPEG.items():
            target = Path(folder, f"b.{suffix}")
            command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", "a.wav", *options, str(target)]
            if not subprocess.run(command, cwd=folder).returncode:
                files.append(target.read_bytes())
    return files


def _read(path: Path) -> int:
    """The header; then all samples, mixed and resampled; then as editing reads them, from a file object."""
    audio.info(path)
    count = len(audio.read(path))
    with path.open("rb") as file, audio.AudioStream(file, None, channels="all") as stream:
        return count + sum(len(block) for block in stream)


def _ffmpeg_read(path: Path) -> int:
    """Each takes a process: once."""
    return len(audio.read(path))


_TABLE = [0] * 256
for _byte in range(256):
    _value = _byte << 24
    for _ in range(8):
        _value = (_value << 1) ^ (0x04C11DB7 if _value & 0x80000000 else 0)
    _TABLE[_byte] = _value & 0xFFFFFFFF


def repair_ogg(_: bytes, damaged: bytes, __: Random) -> bytes:
    """Right checksums on all pages (RFC 3533), so that what is in them is looked at."""
    data, place = bytearray(damaged), 0
    while (place := data.find(b"OggS", place)) >= 0 and place + 27 <= len(data):
        segments = data[place + 26]
        end = place + 27 + segments + sum(data[place + 27 : place + 27 + segments])
        data[place + 22 : place + 26] = bytes(4)
        crc = 0
        for byte in data[place:end]:
            crc = ((crc << 8) & 0xFFFFFFFF) ^ _TABLE[crc >> 24 ^ byte]
        data[place + 22 : place + 26] = crc.to_bytes(4, "little")
        place += 27
    return bytes(data)


_TOKENS = {
    "wav": (b"data", b"fmt ", b"LIST", b"fact", b"RIFF", b"WAVE", b"RF64", b"ds64", b"\xff\xff\xff\xff"),
    "mp3": (b"ID3\x04\0\0", b"Xing", b"Info", b"\xff\xfb\x90\xc4", b"VBRI", b"APETAGEX", b"TAG"),
    "ogg": (b"OggS", b"\x01vorbis", b"OpusHead", b"OpusTags", b"fLaC"),
}
_KIN = {"wavex": "wav", "rf64": "wav", "w64": "wav", "opus": "ogg", "flac": "ogg"}

READERS = [
    Reader(
        name,
        _seeds(name),
        _read,
        _SUFFIXES.get(name, f".{name}"),
        (AudioError,),
        is_text=name == "sph",
        tokens=_TOKENS.get(_KIN.get(name, name), ()),
        repair=repair_ogg if name in ("ogg", "opus") else None,
    )
    for name in _WRITTEN
]
if shutil.which("ffmpeg"):
    READERS.append(Reader("ffmpeg", _by_ffmpeg, _ffmpeg_read, ".m4a", (AudioError,)))
