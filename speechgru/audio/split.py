"""A recording cut at its pauses: a file a part, and a manifest of where each came from."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechgru.audio import encode, energy, formats
from speechgru.audio.stream import SAMPLE_RATE, AudioStream, Block, read
from speechgru.utils.files import write_text

PAUSE = 0.5  # seconds
PADDING = 0.1


@dataclass(frozen=True)
class Span:
    """A part of a recording, in seconds."""

    start: float
    end: float


@dataclass(frozen=True)
class Cut:
    """The files of a recording's parts; `problem` says why the recording isn't whole, or is None."""

    paths: list[Path]
    problem: str | None


def spans(
    source: str | Path, *, pause: float = PAUSE, padding: float = PADDING, shortest: float = 0.0
) -> list[Span]:
    """The parts of `source` between its pauses (`energy.pauses`), in order.

    Args:
        pause: seconds of quiet that part two of them.
        padding: seconds of a pause that a part keeps on either side, at most half of the pause.
        shortest: seconds; parts with less between two pauses (a click, a cough) are left out.

    Raises:
        AudioError: it can't be read.
    """
    rate = SAMPLE_RATE
    signal = read(source, rate, warn=False)
    quiet = energy.pauses(signal, rate, shortest=pause)
    starts = [0, *(end for _, end in quiet)]
    ends = [*(start for start, _ in quiet), len(signal)]
    lengths = [(end - start) / rate for start, end in quiet]
    # Beside the two ends of the recording lies no pause to keep a piece of.
    before, after = ([0.0, *lengths], [*lengths, 0.0])
    parts = []
    for start, end, left, right in zip(starts, ends, before, after, strict=True):
        # The last frame is seldom whole, so that a pause never ends with the recording exactly.
        if (end - start) / rate > max(shortest, energy.FRAME_SECONDS):
            parts.append(Span(start / rate - min(padding, left / 2), end / rate + min(padding, right / 2)))
    return parts


def write_parts(source: str | Path, parts: Sequence[Span], folder: Path, stem: str, extension: str) -> Cut:
    """Write `parts` (in order, apart) as STEM-0001.EXTENSION, ... and STEM.jsonl into `folder`: all, or none.

    A line of the manifest has audio_filepath (relative), duration, an empty text to fill in, id, source and
    source_offset in seconds. Parts of an earlier cut of the same stem are removed.

    Raises:
        AudioError: `source` can't be read, or a part not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{stem}-{number:04d}.{extension}" for number in range(1, len(parts) + 1)]
    staging = Path(tempfile.mkdtemp(prefix=f".{stem}.", dir=folder))
    try:
        with AudioStream(source, None, block_seconds=None, channels="all") as stream:
            cutter = _Cutter(stream)
            lines = [_write_part(cutter, part, staging / name) for part, name in zip(parts, names)]
            cutter.finish()
        for old in earlier(folder, stem):
            old.unlink()
        for name in names:
            os.replace(staging / name, folder / name)
        write_text(folder / f"{stem}.jsonl", "".join(lines))
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Cut([folder / name for name in names], stream.problem)


def earlier(folder: Path, stem: str) -> list[Path]:
    """What a cut of the same stem wrote into `folder`: parts and manifest."""
    is_part = re.compile(rf"{re.escape(stem)}-\d{{4,}}\.({'|'.join(formats.FORMATS)})").fullmatch
    return sorted(p for p in folder.glob("*") if is_part(p.name) or p.name == f"{stem}.jsonl")


class _Cutter:
    """Takes parts, one after the other, out of a recording that is read once."""

    def __init__(self, stream: AudioStream) -> None:
        self.stream = stream
        self._blocks = iter(stream)
        self._held = np.zeros((0, stream.channels), np.float32)
        self._position = 0  # of the first held frame

    def take(self, start: int, end: int) -> Iterator[Block]:
        """Frames [start, end), the earlier ones lost; less where the recording ends."""
        while self._position < end:
            if not len(self._held):
                self._held = next(self._blocks, self._held)
                if not len(self._held):
                    return
            part = self._held[: end - self._position]
            yield part[max(start - self._position, 0) :]
            self._held = self._held[len(part) :]
            self._position += len(part)

    def finish(self) -> None:
        """Read on to the end, where it is known whether the recording is whole."""
        for _ in self._blocks:
            pass


def _write_part(cutter: _Cutter, part: Span, path: Path) -> str:
    """Write it; returns its line of the manifest."""
    stream = cutter.stream
    start, end = round(part.start * stream.sample_rate), round(part.end * stream.sample_rate)
    how = formats.encoding(path, like=stream.subtype)
    encode.write(path, cutter.take(start, end), stream.sample_rate, how, warn=False)
    entry = {
        "audio_filepath": path.name,
        "duration": round((end - start) / stream.sample_rate, 6),
        "text": "",
        "id": path.stem,
        "source": stream.name,
        "source_offset": round(start / stream.sample_rate, 6),
    }
    return json.dumps(entry, ensure_ascii=False) + "\n"
