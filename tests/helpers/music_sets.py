"""Small benchmark sets of piano rolls, made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

FILES = {
    "jsb_chorales": "JSB_Chorales.mat",
    "nottingham": "Nottingham.mat",
    "musedata": "MuseData.mat",
    "piano_midi": "Piano_midi.mat",
}


def rolls(lengths: list[int], seed: int) -> list[np.ndarray]:
    """Three chords in random order, in a key that differs from piece to piece."""
    rng = np.random.default_rng(seed)
    found = []
    for length in lengths:
        roll = np.zeros((length, 88), dtype=np.uint8)
        for step, chord in enumerate(rng.integers(3, size=length)):
            roll[step, 30 + np.array(((0, 4, 7), (5, 9, 12), (7, 11, 14))[chord])] = 1
        found.append(np.roll(roll, int(rng.integers(6)), axis=1))
    return found


def write(root: Path, corpus: str = "jsb_chorales", copies: int = 1) -> Path:
    """`corpus` below `root` as its recipe expects it; `copies` test pieces are training pieces, transposed."""
    train, dev, test = rolls([40, 33, 26, 30], 1), rolls([25, 31], 2), rolls([30, 28, 45], 3)
    for i in range(copies):
        test[i] = np.roll(train[i], 2, axis=1)
    cells = {}
    for name, found in (("traindata", train), ("validdata", dev), ("testdata", test)):
        cells[name] = np.empty((1, len(found)), dtype=object)
        cells[name][0, :] = found
    path = root / "music" / "poly_music" / FILES[corpus]
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, cells)
    return path
