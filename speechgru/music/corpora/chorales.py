"""Bach's chorales with their four voices kept apart, four steps in a quarter note."""

from __future__ import annotations

from pathlib import Path

from speechgru.errors import CorpusError, MusicError
from speechgru.music.files import chorale_json
from speechgru.music.files.piece import Piece, nothing_found, require
from speechgru.music.score.chorale import SPLITS, from_parts
from speechgru.music.score.corpus_facts import CorpusFacts

SOURCE = "czhuang/JSB-Chorales-dataset, https://github.com/czhuang/JSB-Chorales-dataset"
LICENSE = "none stated; the music is in the public domain"
CITATION = (
    "N. Boulanger-Lewandowski, Y. Bengio and P. Vincent, 'Modeling Temporal Dependencies in High-Dimensional "
    "Sequences: Application to Polyphonic Music Generation and Transcription', ICML 2012 (the split)."
)
FACTS = CorpusFacts(steps_per_beat=4, voices=4)
FILE = "jsb-chorales-16th.json"
_EXPECTED = f"{FILE} with the sets {', '.join(SPLITS)}"


def prepare(root: Path) -> dict[str, list[Piece]]:
    """Splits train, dev (valid) and test of the file at `root`, or FILE in the folder `root`, as notes in four voices.

    The file doesn't say whether a pitch is held or sung again: it is taken as held. Ids are `train/0` and so on.

    Raises:
        CorpusError: the file is missing or holds something else.
    """
    root = require(root, "chorales", _EXPECTED)
    places = [root / FILE, root / "jsb_chorales" / FILE] if root.is_dir() else [root]
    path = next((place for place in places if place.is_file() and place.stat().st_size), None)
    if path is None:
        raise nothing_found(root, "chorales", _EXPECTED)
    try:
        collection = chorale_json.read(path)
    except MusicError as error:
        raise CorpusError(f"chorales: {error}") from error
    return {
        name: [
            Piece(f"{name}/{index}", collection.steps_per_beat, from_parts(parts, collection.steps_per_beat))
            for index, parts in enumerate(collection.sets[SPLITS[place]])
        ]
        for place, name in enumerate(("train", "dev", "test"))
    }
