"""AN4 (CMU census): spelt names, addresses, dates and control words in English; etc/ and wav/ (NIST SPHERE)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools, splits
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.utils.download import Archive

SOURCE = "CMU census (AN4) database, http://www.speech.cs.cmu.edu/databases/an4"
LICENSE = "see the database's page (Carnegie Mellon University)"
CITATION = "A. Acero, 'Acoustical and Environmental Robustness in Automatic Speech Recognition', Kluwer 1993."
FOLDER = "an4"
SPLITS = ("train", "dev", "test")

# Its page says 64 MB and no checksum.
ARCHIVES = {
    "all": Archive("http://www.speech.cs.cmu.edu/databases/an4/an4_sphere.tar.gz", FOLDER, 64_000_000),
}
_EXPECTED = f"the {FOLDER} folder with etc/an4_train.transcription, etc/an4_test.transcription and wav in it"
_PLACES = {"train": "an4_clstk", "test": "an4test_clstk"}
_LINE = re.compile(r"(.*?)\s*\(((?:[^-\s()]+)-([^-\s()]+)-(?:[^-\s()]+))\)\s*")
_MARK = re.compile(r"</?s>")


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test`; no speaker is in two. Ids are the corpus's (`an251-fash-b`).

    `test` is as published. None is published for dev: it is a seeded tenth of the published train's speakers.
    Spelt letters are words of one letter.

    Raises:
        CorpusError: `root` or a transcript is missing, or a line of one can't be read.
    """
    root = corpus_tools.home(root, "an4", FOLDER, _EXPECTED)
    for split in _PLACES:
        if not _table(root, split).is_file():
            raise corpus_tools.nothing_found(root, "an4", _EXPECTED)
    train = list(_entries(root, "train"))
    places = splits.three_ways(e.speaker for e in train)
    by_split = {
        "train": [e for e in train if places[e.speaker] != "dev"],
        "dev": [e for e in train if places[e.speaker] == "dev"],
        "test": list(_entries(root, "test")),
    }
    return {split: corpus_tools.utterances(entries, f"an4 {split}") for split, entries in by_split.items()}


def _table(root: Path, split: str) -> Path:
    return root / "etc" / f"an4_{split}.transcription"


def _entries(root: Path, split: str) -> Iterator[corpus_tools.Entry]:
    table = _table(root, split)
    for number, line in enumerate(corpus_tools.read_text(table).split("\n"), start=1):
        match = _LINE.fullmatch(line)
        if match:
            audio = corpus_tools.same_stem(root / "wav" / _PLACES[split] / match[3] / f"{match[2]}.sph")
            yield corpus_tools.Entry(match[2], audio, _MARK.sub("", match[1]), match[3])
        elif line.strip():
            raise CorpusError(
                f"{table}, line {number}: {line[:80]!r}; expected <s> WORDS </s> (ID-SPEAKER-ID)."
            )
