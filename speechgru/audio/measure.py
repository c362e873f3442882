"""What a recording is and how it sounds: format, levels, loudness, silence, faults. One pass, block by block."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.audio.downmix import Downmix
from speechgru.audio.formats import bits_of
from speechgru.audio.loudness import (
    LOWEST_RATE,
    MAX_CHANNELS,
    THRESHOLD_DB,
    FrameLevels,
    Loudness,
    TruePeak,
    decibels,
)
from speechgru.audio.quality import Bandwidth, Clipping
from speechgru.audio.stream import AudioStream, Block, Source


@dataclass(frozen=True)
class SoundInfo:
    """Of one recording. None where it isn't known or not defined.

    Attributes:
        duration: seconds decoded. sample_rate: Hz. bits: "8" to "32" or "float", "" for a lossy codec.
        peak, true_peak, rms: dB of full scale, of all channels together; -inf for digital silence.
        loudness: LUFS, EBU R 128; None below 400 ms or 4 kHz, or with more than 5 channels.
        silence: share of the 10 ms frames more than 40 dB below the loudest one, in [0, 1].
        clipped: share of the samples that sit at full scale in runs, in [0, 1] (`quality.Clipping`).
        narrow_band: next to nothing above 4 kHz (`quality.Bandwidth`).
        problem: why the recording isn't whole.
        notes: what else a user should know: wrong headers, channels that cancel, which of several tracks was read.
    """

    path: str
    duration: float
    sample_rate: int
    channels: int
    container: str
    codec: str
    bits: str
    peak: float
    true_peak: float
    rms: float
    loudness: float | None
    silence: float
    clipped: float
    narrow_band: str | None
    problem: str | None
    notes: tuple[str, ...] = ()


def measure(source: Source) -> SoundInfo:
    """Decode and measure `source`.

    Raises:
        AudioError: it can't be read, or holds NaN.
    """
    with AudioStream(source, None, block_seconds=None, channels="all") as stream:
        meters = _Meters(stream)
        for block in stream:
            meters.add(block)
        narrow = meters.bandwidth.warning()
        return SoundInfo(
            stream.name,
            meters.frames / stream.sample_rate,
            stream.sample_rate,
            stream.channels,
            stream.container,
            stream.subtype,
            bits_of(stream.subtype),
            decibels(meters.peak),
            decibels(meters.true_peak.finish()),
            decibels(math.sqrt(meters.energy / (meters.frames * stream.channels))),
            None if meters.loudness is None else meters.loudness.integrated,
            _share_of_silence(meters.levels),
            meters.clipping.fraction,
            None if narrow is None else narrow.text,
            stream.problem,
            tuple(
                each.text
                for each in (*stream.warnings, meters.mixer.warning())
                if each and each.kind != "truncated"
            ),
        )


class _Meters:
    def __init__(self, stream: AudioStream) -> None:
        rate, channels = stream.sample_rate, stream.channels
        self.levels, self.true_peak = FrameLevels(rate), TruePeak(rate, channels)
        self.clipping, self.bandwidth = Clipping(stream.subtype), Bandwidth(rate)
        self.mixer = Downmix(channels, rate)
        defined = rate >= LOWEST_RATE and channels <= MAX_CHANNELS
        self.loudness = Loudness(rate, channels) if defined else None
        self.frames, self.peak, self.energy = 0, 0.0, 0.0

    def add(self, block: Block) -> None:
        self.frames += len(block)
        self.peak = max(self.peak, float(np.abs(block).max()))
        self.energy += float(np.square(block, dtype=np.float64).sum())
        self.levels.add(block)
        self.true_peak.add(block)
        self.clipping.add(block)
        self.bandwidth.add(self.mixer.add(block))
        if self.loudness is not None:
            self.loudness.add(block)


def _share_of_silence(levels: FrameLevels) -> float:
    level = levels.finish()
    return float((level < max(level.max() - THRESHOLD_DB, -100.0)).mean())


def to_dict(info: SoundInfo) -> dict[str, Any]:
    """Ready for JSON, which has no infinity: the level of digital silence is null."""
    values = {"audio_filepath": info.path} | asdict(info)
    del values["path"]
    return {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in values.items()}


def describe(info: SoundInfo) -> str:
    """Aligned lines for people."""
    seconds = info.duration
    clock = f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02d}:{seconds % 60:06.3f}"
    codec = " ".join(filter(None, (info.container, info.codec)))
    loudness = "not defined" if info.loudness is None else f"{info.loudness:.1f} LUFS"
    pairs = [
        ("duration", f"{clock} ({seconds:.3f} s)"),
        ("sample rate", f"{info.sample_rate} Hz"),
        ("channels", str(info.channels)),
        ("codec", codec),
        ("bit depth", info.bits or "none: lossy or unknown"),
        ("peak", f"{info.peak:.2f} dBFS, true peak {info.true_peak:.2f} dBTP"),
        ("RMS", f"{info.rms:.2f} dBFS"),
        ("loudness", loudness),
        ("silence", f"{info.silence:.1%}"),
        ("clipping", f"{info.clipped:.3%}"),
        ("bandwidth", info.narrow_band or "nothing remarkable"),
    ]
    if info.problem:
        pairs.append(("problem", info.problem))
    pairs += [("note", note) for note in info.notes]
    return "\n".join([str(Path(info.path)), *(f"  {name:<11}  {value}" for name, value in pairs)])
