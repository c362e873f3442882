"""Speech Commands: one word each; the folder is the word, the file name begins with the speaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru import recordings
from speechgru.manifest import Utterance

SOURCE = "Speech Commands, https://www.tensorflow.org/datasets/catalog/speech_commands"
LICENSE = "CC BY 4.0"
CITATION = "P. Warden, 'Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition', arXiv, 2018."
SHARE_ALIKE = False

_EXPECTED = "a folder with one folder a word (bed, cat, ...), with files SPEAKER_nohash_NUMBER.wav in them"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """One split, `all`. Ids are `bed/00176480_nohash_0`. Folders that begin with `_` (noise) are passed over.

    Raises:
        CorpusError: `root` is missing or holds no such recordings.
    """
    root = recordings.require(root, "speech_commands", _EXPECTED)
    entries = list(_entries(root))
    if not entries:
        raise recordings.nothing_found(root, "speech_commands", _EXPECTED)
    return {"all": recordings.utterances(entries, "speech_commands")}


def _entries(root: Path) -> Iterator[recordings.Entry]:
    for word in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(("_", "."))):
        for stem, audio in recordings.audio_by_stem(word).items():
            speaker, marked, _ = stem.partition("_nohash_")
            if marked:
                yield recordings.Entry(f"{word.name}/{stem}", audio, word.name, speaker)
