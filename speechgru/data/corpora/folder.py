"""Your own recordings: a folder, with or without subfolders; beside each recording a .txt of its stem."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.text import languages

SOURCE = "the user's own folder"
LICENSE = "as the recordings"
CITATION = "none"
SPLITS = ("all",)

_EXPECTED = "a folder of recordings, each beside a .txt file of the same name with its text"
# Text that comes with a download and belongs to no recording.
_NOT_TRANSCRIPTS = frozenset({"readme", "license", "licence", "copying", "notice", "changelog", "changes"})


def prepare(root: Path, language: str = languages.ENGLISH) -> dict[str, list[Utterance]]:
    """One split, `all`. Ids are paths below `root` without extension (`anna/monday/hello`); the speaker is
    the first folder of the id (`anna`), or empty for recordings directly in `root`.

    Recordings without text and text without a recording are counted in the log. Several lines are one text, and all
    texts are in one `language`.

    Raises:
        CorpusError: `root` is missing, holds no recordings with text, or a .txt file isn't text.
    """
    root = corpus_tools.require(root, "folder", _EXPECTED)
    entries = list(_entries(root))
    if not any(e.audio for e in entries):
        raise corpus_tools.nothing_found(root, "folder", _EXPECTED)
    if not any(e.text for e in entries):
        raise CorpusError(f"folder: {root} holds recordings and no text of them. Expected {_EXPECTED}.")
    return {"all": corpus_tools.utterances(entries, f"folder {root.name}", language)}


def _entries(root: Path) -> Iterator[corpus_tools.Entry]:
    audio = corpus_tools.audio_by_stem(root, recursive=True)
    texts = corpus_tools.files_by_stem(root, (".txt",), recursive=True)
    for name in sorted(audio.keys() | texts.keys()):
        if name not in audio and PurePosixPath(name).name.lower() in _NOT_TRANSCRIPTS:
            continue
        words = corpus_tools.read_text(texts[name]) if name in texts else ""
        speaker = name.partition("/")[0] if "/" in name else ""
        yield corpus_tools.Entry(name, audio.get(name), words, speaker)
