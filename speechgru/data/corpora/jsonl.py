"""A manifest in JSON Lines, as speechgru and NeMo write it; see `speechgru.data.manifest`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from speechgru.data import corpus_tools, manifest
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError, ManifestError
from speechgru.text import languages

SOURCE = "the user's own manifest"
LICENSE = "as the recordings"
CITATION = "none"
SPLITS = ("all",)

_EXPECTED = "a manifest: one JSON object a line with audio_filepath, duration (seconds) and text"


def prepare(root: Path, language: str = languages.ENGLISH) -> dict[str, list[Utterance]]:
    """One split, `all`, from the manifest `root`. Durations and offsets are taken as written.

    An utterance without id gets the audio's path below the manifest's folder without extension (elsewhere its
    stem), with `@offset` where it doesn't begin at 0. Those that state no `lang` are in `language`.

    Raises:
        CorpusError: `root` is missing or empty, a line isn't an utterance, or an id occurs twice.
    """
    root = corpus_tools.require(root, "jsonl", _EXPECTED, is_file=True)
    try:
        given = manifest.read(root)
    except ManifestError as error:
        raise CorpusError(f"jsonl: {error}") from error
    if not given:
        raise corpus_tools.nothing_found(root, "jsonl", _EXPECTED)
    complete = [replace(u, id=u.id or _id(u, root), language=u.language or language) for u in given]
    return {"all": corpus_tools.checked(complete, f"jsonl {root.name}")}


def _id(utterance: Utterance, root: Path) -> str:
    name = corpus_tools.relative_id(utterance.audio_filepath, root.absolute().parent)
    return f"{name}@{utterance.offset:g}" if utterance.offset else name
