"""Recordings as they are, for editing: every channel, at their own rate, block by block.

`speechgru.audio.stream` gives what recognition wants, mono at one rate; here nothing is mixed or resampled. Samples are
float32, full scale 1.0, [time, channels]; of integers, 24 bits come through exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.decode import name_of, open_decoder
from speechgru.audio.stream import Source
from speechgru.errors import AudioError

Block = NDArray[np.float32]  # [time, channels]

BLOCK = 1 << 16  # frames


class Reader:
    """Iterator over the blocks [time, channels] of a recording; all but the last have `BLOCK` frames.

    Attributes:
        name: what to call it in a message.
        sample_rate, channels: of the recording, Hz.
        format, subtype: libsndfile's names, as in "WAV" and "PCM_16"; "ffmpeg" and "" where that decodes it.
        duration: seconds as the file states, None where it doesn't.
        problem: after the last block, why the recording isn't whole, or None.
    """

    def __init__(self, source: Source) -> None:
        """Open `source`: a path, "-" for standard input, or a binary file object.

        Raises:
            AudioError: missing, a folder, unreadable, empty, not audio, without samples; while iterating: NaN or
            infinite samples, or nothing that can be decoded.
        """
        self.name = name_of(source)
        self._decoder = open_decoder(source)
        self.sample_rate, self.channels = self._decoder.sample_rate, self._decoder.channels
        self.format, self.subtype = self._decoder.format, self._decoder.subtype
        frames = self._decoder.frames
        self.duration = None if frames is None else frames / self.sample_rate
        self.problem: str | None = None
        if frames == 0:
            self._decoder.close()
            raise AudioError(
                f"{self.name} has a header but no samples: nothing was recorded.", source=self.name
            )

    def __iter__(self) -> Iterator[Block]:
        frames = 0
        while len(block := self._decoder.read(BLOCK)):
            self._check(block, frames)
            frames += len(block)
            yield block
            if len(block) < BLOCK:
                break
        self.problem = self._decoder.problem()
        if not frames:
            raise AudioError(
                f"{self.name} has a header, but no samples could be read: "
                f"{self.problem or 'nothing was recorded.'}",
                source=self.name,
            )

    def _check(self, block: Block, position: int) -> None:
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            seconds = (position + int(bad.argmax())) / self.sample_rate
            raise AudioError(
                f"{self.name} holds NaN or infinite samples, the first at {seconds:.3f} s: "
                "the file is damaged or was written wrongly; export it again.",
                source=self.name,
            )

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._decoder.close()
