"""What is wrong with a recording: one file decoded once, its parts measured. Runs in the processes of a pool."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechgru.audio import AudioStream, energy
from speechgru.audio.energy import Signal
from speechgru.errors import AudioError

Part = tuple[float, float | None]  # offset and duration in seconds; None: to the end


@dataclass(frozen=True)
class Sample:
    """A part of a recording: its samples' hash, and whether there can be speech in it."""

    digest: str
    is_silent: bool


@dataclass(frozen=True)
class Examined:
    """A file: `error` where it can't be read, else the seconds decoded, what `AudioStream` warns of, and a
    `Sample` a part asked for."""

    error: str = ""
    seconds: float = 0.0
    clipped: str = ""
    narrow: str = ""
    damaged: str = ""
    samples: tuple[Sample, ...] = ()


def examine(work: tuple[Path, Sequence[Part]]) -> Examined:
    """Decode a file once, at its own rate, and look at each of its parts."""
    path, parts = work
    try:
        with AudioStream(path, None, block_seconds=None) as stream:
            signal = np.concatenate(list(stream))
    except (AudioError, OSError) as error:
        return Examined(error=str(error))

    texts = {warning.kind: warning.text for warning in stream.warnings}
    return Examined(
        seconds=len(signal) / stream.sample_rate,
        clipped=texts.get("clipped", ""),
        narrow=texts.get("narrow", ""),
        damaged=texts.get("truncated", ""),
        samples=tuple(_sample(signal, stream.sample_rate, part) for part in parts),
    )


def _sample(signal: Signal, rate: int, part: Part) -> Sample:
    offset, duration = part
    end = len(signal) if duration is None else round((offset + duration) * rate)
    samples = np.ascontiguousarray(signal[round(offset * rate) : end])
    digest = hashlib.blake2b(samples.tobytes(), digest_size=16).hexdigest()
    return Sample(digest, not energy.may_hold_speech(samples, rate))
