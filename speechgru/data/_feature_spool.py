"""The features of one recording on their way from where they are computed to the file they end up in.

How many frames there will be is known at the end, and most formats state it first. So they wait: few in memory, many
in a temporary file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import SpeechGruError
from speechgru.utils.files import named_errors

Values = NDArray[np.float32]  # [frames, bins]

HELD = 16 << 20  # bytes in memory, at most, and a piece
_BLOCK = 4 << 20  # bytes read back at once


@dataclass
class Spool:
    """Takes pieces [some frames, bins] and gives them back in blocks; it can go from one process to another.

    `folder` is for the temporary file, and made when there is one; `discard` removes the file.
    """

    folder: Path
    frames: int = 0
    bins: int = 0
    _held: list[Values] = field(default_factory=list)
    _path: Path | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and bins so far."""
        return self.frames, self.bins

    def add(self, values: Values) -> None:
        """Append `values` [some frames, bins]."""
        self.frames, self.bins = self.frames + len(values), values.shape[1]
        self._held.append(values)
        if sum(piece.nbytes for piece in self._held) > HELD:
            self._write()

    def blocks(self) -> Iterator[Values]:
        """Everything in order, [some frames, bins] at a time, none of them empty."""
        if self._path is not None:
            count = max(1, _BLOCK // (4 * self.bins)) * self.bins
            # Not np.fromfile, to which a failing disk is the end.
            with named_errors(self._path), self._path.open("rb") as file:
                while piece := file.read(4 * count):
                    yield np.frombuffer(piece, np.float32).reshape(-1, self.bins)
        yield from (piece for piece in self._held if len(piece))

    def discard(self) -> None:
        """Let go of everything."""
        self._held.clear()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        try:
            if self._path is None:
                self._path = self._new()
            with self._path.open("ab") as file:
                for piece in self._held:
                    file.write(np.ascontiguousarray(piece, np.float32).data)
        except OSError as error:
            raise SpeechGruError(
                f"{self.folder.parent}: features can't be written there: {error.strerror or error}."
            ) from error
        self._held.clear()

    def _new(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder)
        os.close(handle)
        return Path(name)
