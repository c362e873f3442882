"""LJ Speech: one voice reading seven books in English; metadata.csv and wavs/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools, splits
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.utils.download import Archive

SOURCE = "The LJ Speech Dataset 1.1, https://keithito.com/LJ-Speech-Dataset"
LICENSE = "public domain"
CITATION = "K. Ito and L. Johnson, 'The LJ Speech Dataset', 2017."
FOLDER = "LJSpeech-1.1"
SPLITS = ("train", "dev", "test")

# Size: TensorFlow Datasets; checksum: torchaudio 2.11.
ARCHIVES = {
    "all": Archive(
        "https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",
        FOLDER,
        2748572632,
        "sha256:be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
    ),
}
_EXPECTED = f"the {FOLDER} folder with metadata.csv and wavs in it"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test` by chapter, seeded: with a single speaker they can't be by speaker.

    None is published. Ids are the corpus's (`LJ001-0001`), of which the chapter is the first part; the text is
    the one with numbers written out. The speaker is left empty, so that splits may share it.

    Raises:
        CorpusError: `root` or metadata.csv is missing, or a line of it can't be read.
    """
    root = corpus_tools.home(root, "ljspeech", FOLDER, _EXPECTED)
    if not (root / "metadata.csv").is_file():
        raise corpus_tools.nothing_found(root, "ljspeech", _EXPECTED)
    entries = list(_entries(root))
    places = splits.three_ways(_chapter(e.id) for e in entries)
    return {
        split: corpus_tools.utterances(
            [e for e in entries if places[_chapter(e.id)] == split], f"ljspeech {split}"
        )
        for split in ("train", "dev", "test")
    }


def _chapter(name: str) -> str:
    return name.partition("-")[0]


def _entries(root: Path) -> Iterator[corpus_tools.Entry]:
    audio = corpus_tools.audio_by_stem(root / "wavs")
    table = root / "metadata.csv"
    for number, line in enumerate(corpus_tools.read_text(table).split("\n"), start=1):
        cells = line.split("|")
        if len(cells) == 3:
            yield corpus_tools.Entry(cells[0], audio.get(cells[0]), cells[2] or cells[1])
        elif line.strip():
            raise CorpusError(
                f"{table}, line {number}: {len(cells)} columns; expected ID|text|text in words."
            )
