"""A folder of the user's own MIDI files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from speechgru.errors import CorpusError
from speechgru.music.files import midi
from speechgru.music.files.piece import Piece, files_below, nothing_found, read_each, require
from speechgru.music.score.corpus_facts import CorpusFacts

SOURCE = "the user's own MIDI files"
LICENSE = "as the files"
CITATION = "none"
FACTS = CorpusFacts(steps_per_beat=4)
_EXPECTED = "a folder with MIDI files (.mid, .midi), also in folders below it"
_LEAST = 3


def facts(pieces: Sequence[Piece]) -> CorpusFacts:
    """FACTS, and whether most of the training `pieces` are in four parts."""
    return FACTS.of_pieces([piece.notes for piece in pieces])


def prepare(root: Path) -> dict[str, list[Piece]]:
    """Splits train, dev and test of all MIDI files: a tenth each for dev and test, one piece at least, by a hash of the
    files' content, so that copies of a file stay together. Files that can't be read are named on the log and left out.

    Ids are paths below `root` without extension.

    Raises:
        CorpusError: `root` is missing, or holds fewer than three different MIDI files that can be read.
    """
    root = require(root, "own_midi", _EXPECTED)
    paths = files_below(root, midi.EXTENSIONS)
    if not paths:
        raise nothing_found(root, "own_midi", _EXPECTED)
    by_content: dict[str, list[Piece]] = {}
    for path, notes in read_each(paths, midi.read, "own_midi"):
        name = path.relative_to(root).with_suffix("").as_posix() if path != root else path.stem
        # Drums alone make an empty roll, from which there is nothing to learn.
        if notes.pitched():
            key = hashlib.sha256(path.read_bytes()).hexdigest()
            by_content.setdefault(key, []).append(Piece(name, FACTS.steps_per_beat, notes))
    if len(by_content) < _LEAST:
        raise CorpusError(
            f"own_midi: {root} has {len(by_content)} different MIDI files that can be read; expected {_LEAST} or more, "
            "one each to learn from, to choose the epoch by and to test on. "
            "Give the right place with corpus.root=PATH."
        )
    order = sorted(by_content)
    tenth = max(len(order) // 10, 1)
    groups = {"train": order[2 * tenth :], "dev": order[tenth : 2 * tenth], "test": order[:tenth]}
    return {name: [piece for key in keys for piece in by_content[key]] for name, keys in groups.items()}
