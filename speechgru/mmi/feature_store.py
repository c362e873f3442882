"""Recordings as training takes them: log-mel at some speeds, on disk, and what is known of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.features import LogMel
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.mmi.adaptation import Transform
from speechgru.mmi.graph import Graph
from speechgru.mmi.sources import Samples
from speechgru.mmi.targets import Aligned
from speechgru.utils import files

_log = logging.getLogger(__name__)
Frames = NDArray[np.float32]


class Store:
    """Store(...)(index, speed) -> raw log-mel [T, bands].

    Half precision, a file a speed, made where it is missing: 7 hours are 420 MB a speed.

    Args:
        folder: where the files are.
        name: of the set.
        samples: gives the signal of a recording at a speed.
        count: of recordings.
        features: of the log-mel, not normalised.
    """

    def __init__(
        self, folder: Path, name: str, samples: Samples, count: int, features: FeatureSettings
    ) -> None:
        self.folder, self.name, self.samples, self.count = folder, name, samples, count
        self.features = features
        self._open: dict[float, tuple[NDArray[np.float16], NDArray[np.int64]]] = {}

    def __call__(self, index: int, speed: float = 1.0) -> Frames:
        frames, ends = self._at(speed)
        return frames[ends[index] : ends[index + 1]].astype(np.float32)

    def make(self, speed: float) -> None:
        """Make the file of a speed, where there is none."""
        self._at(speed)

    def _at(self, speed: float) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
        if speed not in self._open:
            stem = f"{self.name}-{speed:g}-{self.features.fingerprint}"
            frames, ends = self.folder / f"{stem}.frames.npy", self.folder / f"{stem}.ends.npy"
            if not (frames.exists() and ends.exists()):
                self._make(speed, frames, ends)
            self._open[speed] = np.load(frames, mmap_mode="r"), np.load(ends)
        return self._open[speed]

    def _make(self, speed: float, frames: Path, ends: Path) -> None:
        _log.info("log-mel of %d recordings at speed %g", self.count, speed)
        log_mel = LogMel(self.features)
        with torch.inference_mode():
            parts = [
                log_mel(self.samples(index, speed))[0][0].numpy().astype(np.float16)
                for index in range(self.count)
            ]
        self.folder.mkdir(parents=True, exist_ok=True)
        places = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        for path, table in ((ends, places), (frames, np.concatenate(parts))):
            with files.atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, table, allow_pickle=False)


@dataclass
class AlignedRecording:
    """A recording that `task` learns from. fits: by speed, the speaker's transform and the recording's own."""

    name: str
    seconds: float
    text: Graph
    alignment: Aligned
    store: Store
    index: int
    fits: Mapping[float, Sequence[Transform]] = field(default_factory=dict)

    def log_mel(self, speed: float) -> Frames:
        """Raw, [T, bands], played at a speed."""
        return self.store(self.index, speed)

    def transforms(self, speed: float) -> Sequence[Transform]:
        """The speaker's and the recording's own; none where features are not fitted."""
        return self.fits.get(speed, ())
