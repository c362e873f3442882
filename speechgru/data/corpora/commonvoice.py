"""Common Voice: sentences read by volunteers, one folder a language with train.tsv, dev.tsv, test.tsv and
clips/ (MP3).

Its files may only be fetched by whoever has agreed to its terms, so `download` explains the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.utils import walk

SOURCE = "Mozilla Common Voice, https://commonvoice.mozilla.org/datasets"
LICENSE = "CC0"
CITATION = (
    "R. Ardila, M. Branson, K. Davis, M. Henretty, M. Kohler, J. Meyer, R. Morais, L. Saunders, F. M. Tyers "
    "and G. Weber, 'Common Voice: A Massively-Multilingual Speech Corpus', LREC 2020."
)
FOLDER = "commonvoice"

SPLITS = ("train", "dev", "test")
_EXPECTED = "the folder of one language (en, cy, ...) with train.tsv, dev.tsv, test.tsv and clips in it"
BY_HAND = """Common Voice can't be fetched without an account. 1. Make one at \
https://datacollective.mozillafoundation.org and look for "Common Voice Scripted Speech" in your language. \
2. Agree to its terms and download the .tar.gz. 3. Unpack it: tar -xzf FILE.tar.gz -C {root} 4. speechgru corpus \
prepare commonvoice {root}/cv-corpus-RELEASE/LANGUAGE -o manifests; for English, speechgru train commonvoice \
corpus.root={root}/cv-corpus-RELEASE"""


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test`, as published; no speaker is in two. Ids are the clips' names.

    English is normalised as everywhere; other languages keep all their letters, and what holds digits or symbols
    is left out. The language is the table's `locale`, or the folder's name where there is none.

    Raises:
        CorpusError: `root` or one of its tables is missing, or a table lacks a column.
    """
    root = _language_folder(corpus_tools.home(root, "commonvoice", FOLDER, _EXPECTED))
    return {split: _split(root, split) for split in SPLITS}


def _language_folder(root: Path) -> Path:
    if (root / "train.tsv").is_file():
        return root
    below = [folder.name for folder in walk.folders(root) if (folder / "train.tsv").is_file()]
    if not below:
        raise corpus_tools.nothing_found(root, "commonvoice", _EXPECTED)
    if len(below) > 1:
        raise CorpusError(
            f"commonvoice: {root} holds {len(below)} languages ({', '.join(below)}). Expected {_EXPECTED}. Give "
            "the right place with corpus.root=PATH."
        )
    return root / below[0]


def _split(root: Path, split: str) -> list[Utterance]:
    rows = list(_rows(root / f"{split}.tsv"))
    language = next((r["locale"] for r in rows if r.get("locale")), root.name)
    entries = [
        corpus_tools.Entry(Path(r["path"]).stem, _clip(root, r["path"]), r["sentence"], r["client_id"])
        for r in rows
    ]
    return corpus_tools.utterances(entries, f"commonvoice {language} {split}", language)


def _clip(root: Path, name: str) -> Path | None:
    # Old releases name clips without their extension.
    return corpus_tools.same_stem(root / "clips" / (name if Path(name).suffix else f"{name}.mp3"))


def _rows(table: Path) -> Iterator[dict[str, str]]:
    """The lines of a table by column; quotes in it are quotes, nothing else."""
    lines = [line for line in corpus_tools.read_text(table).split("\n") if line]
    names = lines[0].split("\t") if lines else []
    missing = [c for c in ("client_id", "path", "sentence") if c not in names]
    if missing:
        raise CorpusError(
            f"{table}, line 1: no column {missing[0]!r} among {names}; expected client_id, path and sentence."
        )
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("\t")
        if len(cells) != len(names):
            raise CorpusError(f"{table}, line {number}: {len(cells)} columns; expected {len(names)}.")
        yield dict(zip(names, cells))
