"""A table of recordings: one line each with path, tab, text, and optionally tab, speaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.text import languages

SOURCE = "the user's own table"
LICENSE = "as the recordings"
CITATION = "none"
SPLITS = ("all",)

_EXPECTED = "a .tsv file with lines path<TAB>text or path<TAB>text<TAB>speaker, paths relative to its folder"
_HEADINGS = frozenset({"path", "file", "audio", "audio_filepath"})


def prepare(root: Path, language: str = languages.ENGLISH) -> dict[str, list[Utterance]]:
    """One split, `all`, from the file `root`. Ids are the paths as written, without extension.

    A first line with `path`, `file`, `audio` or `audio_filepath` as first cell is a heading. Where a path has
    no file, one of the same stem with another extension is taken. All texts are in one `language`.

    Raises:
        CorpusError: `root` is missing or empty, a line has no tab, or a recording occurs twice.
    """
    root = corpus_tools.require(root, "tsv", _EXPECTED, is_file=True)
    entries = list(_entries(root))
    if not entries:
        raise corpus_tools.nothing_found(root, "tsv", _EXPECTED)
    return {"all": corpus_tools.utterances(entries, f"tsv {root.name}", language)}


def _entries(table: Path) -> Iterator[corpus_tools.Entry]:
    for number, line in enumerate(corpus_tools.read_text(table).split("\n"), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or (number == 1 and cells[0].lower() in _HEADINGS):
            continue
        if len(cells) not in (2, 3) or not cells[0]:
            raise CorpusError(
                f"{table}, line {number}: {len(cells)} columns in {line!r}; expected {_EXPECTED}."
            )
        path = Path(cells[0])
        yield corpus_tools.Entry(
            id=corpus_tools.relative_id(table.parent / path, table.parent),
            audio=corpus_tools.same_stem(table.parent / path),
            text=cells[1],
            speaker=cells[2] if len(cells) == 3 else "",
        )
