"""Dance tunes and airs of Scotland, Ireland, England and America from three old books, in ABC."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from speechgru.errors import MusicError
from speechgru.music.files import abc
from speechgru.music.files.piece import Piece, account, files_below, nothing_found, require, split_of
from speechgru.music.score.corpus_facts import CorpusFacts
from speechgru.music.score.notes import NoteSequence

SOURCE = (
    "Aird's Selection of Airs (1782-1801), Ryan's Mammoth Collection (1883) and O'Neill's Music of Ireland (1903), in"
    " the music21 corpus, https://github.com/cuthbertLab/music21"
)
LICENSE = "the tunes are in the public domain; the transcribers state no licence"
CITATION = (
    "transcribed by J. Campin (Aird), R. Davies, B. Puckette, J. B. Walsh and others (Ryan), H. Norbeck, B. Safranek, "
    "T. O'Neil, J. Chambers and others (O'Neill); each tune's field Z names its own"
)
FACTS = CorpusFacts(steps_per_beat=24, monophonic=True)
SAME = 16
"""Tunes that share so many intervals on end are of one family, and a family is in one split."""
_EXPECTED = "a folder with ABC files (.abc), also in folders below it"


def prepare(root: Path) -> dict[str, list[Piece]]:
    """Splits train, dev and test, about a tenth each for dev and test, as notes with key, metre and tempo.

    Many tunes are in several books, or in one of them twice, so tunes that share SAME intervals on end are put
    together before they are dealt out. Broken tunes are named on the log and left out. Ids are `airdsAirs/book1/0001`
    (file, number of the tune).

    Raises:
        CorpusError: `root` is missing or has no tune.
    """
    root = require(root, "folk", _EXPECTED)
    pieces: dict[str, Piece] = {}
    refused: list[str] = []
    for path in files_below(root, abc.EXTENSIONS):
        try:
            collection = abc.read(path)
        except MusicError as error:
            refused.append(str(error))
            continue
        refused += [f"{path}, {broken}" for broken in collection.broken]
        file = path.relative_to(root).with_suffix("").as_posix() if path != root else path.stem
        for tune in collection.tunes:
            name = f"{file}/{tune.number.strip()}"
            if name in pieces:  # two tunes of one number
                name += f"/{tune.line}"
            pieces[name] = Piece(name, FACTS.steps_per_beat, tune.notes)
    if not pieces:
        raise nothing_found(root, "folk", _EXPECTED)
    account("folk", "tunes or files", refused)
    splits: dict[str, list[Piece]] = {"train": [], "dev": [], "test": []}
    names = list(pieces)
    for name, family in zip(names, families([pieces[name].notes for name in names])):
        splits[split_of(names[family])].append(pieces[name])
    return splits


def families(tunes: Iterable[NoteSequence]) -> list[int]:
    """For each tune the first tune that it is of one family with: that shares SAME intervals with it, or with another
    of the family."""
    parents: list[int] = []
    known: dict[bytes, int] = {}

    def first(index: int) -> int:
        while parents[index] != index:
            parents[index] = index = parents[parents[index]]
        return index

    for index, tune in enumerate(tunes):
        parents.append(index)
        pitches = [note.pitch for note in tune.notes]
        intervals = bytes((b - a) % 256 for a, b in pairwise(pitches))
        for place in range(len(intervals) - SAME + 1):
            other = first(known.setdefault(intervals[place : place + SAME], index))
            mine = first(index)
            parents[max(mine, other)] = min(mine, other)
    return [first(index) for index in range(len(parents))]
