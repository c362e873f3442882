"""yesno: one man saying yes and no in Hebrew, 60 recordings of 8 words at 8 kHz; the file's name is its text.

A toy: it shows within seconds whether training works at all.
"""

from __future__ import annotations

import re
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.utils.download import Archive

SOURCE = "YesNo, https://www.openslr.org/1"
LICENSE = "see https://www.openslr.org/1"
CITATION = "YesNo, OpenSLR resource 1; its contributor wishes to stay anonymous."
FOLDER = "waves_yesno"
SPLITS = ("train", "dev", "test")

# Checksum: torchaudio 2.11; size: the TensorFlow Datasets catalogue (4.49 MiB).
ARCHIVES = {
    "all": Archive(
        "https://www.openslr.org/resources/1/waves_yesno.tar.gz",
        FOLDER,
        4_710_000,
        "sha256:c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73",
    ),
}
_EXPECTED = f"the {FOLDER} folder with files like 0_1_0_1_0_1_1_0.wav"
_NAME = re.compile(r"[01](_[01])+")
_WORDS = {"0": "no", "1": "yes"}


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test` by recording: there is one speaker, left empty so that they may share it.

    Sorted by name every second recording is test, as in lhotse and icefall; of the others every fifth is dev.
    Ids are the files' names without extension.

    Raises:
        CorpusError: `root` is missing or holds no such recordings.
    """
    root = corpus_tools.home(root, "yesno", FOLDER, _EXPECTED)
    recordings = {
        stem: path for stem, path in corpus_tools.audio_by_stem(root).items() if _NAME.fullmatch(stem)
    }
    if not recordings:
        raise corpus_tools.nothing_found(root, "yesno", _EXPECTED)
    entries = [
        corpus_tools.Entry(stem, path, " ".join(_WORDS[digit] for digit in stem.split("_")))
        for stem, path in recordings.items()
    ]
    rest = entries[::2]
    parts = {
        "train": [e for i, e in enumerate(rest) if i % 5 != 4],
        "dev": rest[4::5],
        "test": entries[1::2],
    }
    return {split: corpus_tools.utterances(part, f"yesno {split}") for split, part in parts.items()}
