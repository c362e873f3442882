"""Speech Commands: one word each; the folder is the word, the file name begins with the speaker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.utils import walk
from speechgru.utils.download import Archive

SOURCE = "Speech Commands, https://www.tensorflow.org/datasets/catalog/speech_commands"
LICENSE = "CC BY 4.0"
CITATION = "P. Warden, 'Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition', arXiv, 2018."
FOLDER = "speech_commands_v0.02"
SPLITS = ("train", "dev", "test")

# Checksums: torchaudio 2.11; size of v0.02: TensorFlow Datasets. The archives have no folder of their own.
ARCHIVES = {
    "v0.02": Archive(
        "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        FOLDER,
        2428923189,
        "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        inside=FOLDER,
    ),
}
_EXPECTED = "a folder with one folder a word (bed, cat, ...), with files SPEAKER_nohash_NUMBER.wav in them"
_LISTS = {"dev": "validation_list.txt", "test": "testing_list.txt"}
_BUCKETS = 2**27 - 1


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test`, as published; no speaker is in two. Ids are `bed/00176480_nohash_0`.

    Where the corpus's two lists are missing, the rule that made them is followed (its README's `which_set`, a
    tenth of the speakers each). Folders that begin with `_` (noise) are passed over.

    Raises:
        CorpusError: `root` is missing or holds no such recordings.
    """
    root = corpus_tools.home(root, "speech_commands", FOLDER, _EXPECTED)
    entries = list(_entries(root))
    if not entries:
        raise corpus_tools.nothing_found(root, "speech_commands", _EXPECTED)
    listed = {split: _listed(root / name) for split, name in _LISTS.items()}
    by_list = all(names is not None for names in listed.values())
    splits: dict[str, list[corpus_tools.Entry]] = {"train": [], "dev": [], "test": []}
    for entry in entries:
        if by_list:
            split = next((s for s, names in listed.items() if names and entry.id in names), "train")
        else:
            split = which_set(entry.speaker)
        splits[split].append(entry)
    return {s: corpus_tools.utterances(entries, f"speech_commands {s}") for s, entries in splits.items()}


def which_set(speaker: str) -> str:
    """The split of a speaker, by the SHA-1 of the name: train, dev or test (Warden 2018, section 7.1)."""
    bucket = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16) % (_BUCKETS + 1)
    percentage = 100 * bucket / _BUCKETS
    return "dev" if percentage < 10 else "test" if percentage < 20 else "train"


def _listed(path: Path) -> set[str] | None:
    if not path.is_file():
        return None
    return {line.rpartition(".")[0] for line in corpus_tools.read_text(path).split("\n") if line}


def _entries(root: Path) -> Iterator[corpus_tools.Entry]:
    for word in (folder for folder in walk.folders(root) if not folder.name.startswith("_")):
        for stem, audio in corpus_tools.audio_by_stem(word).items():
            speaker, marked, _ = stem.partition("_nohash_")
            if marked:
                yield corpus_tools.Entry(f"{word.name}/{stem}", audio, word.name, speaker)
