"""Free Spoken Digit Dataset: single digits in English at 8 kHz, files DIGIT_SPEAKER_INDEX.wav.

The published split tests every speaker on recordings 0 to 4, so that each test speaker is also in
training. Here the speakers are kept apart instead: sorted by name, the last is `test`, the one before is
`dev`, the others are `train`.
"""

from __future__ import annotations

import re
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.utils.download import Archive

SOURCE = "Free Spoken Digit Dataset, https://github.com/Jakobovski/free-spoken-digit-dataset"
LICENSE = "CC BY-SA 4.0"
CITATION = "Z. Jackson and others, 'Jakobovski/free-spoken-digit-dataset: v1.0.8', Zenodo 2018."
FOLDER = "free-spoken-digit-dataset-1.0.9"
SPLITS = ("train", "dev", "test")

# Size and checksum: TensorFlow Datasets, spoken_digit.
ARCHIVES = {
    "all": Archive(
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.9.tar.gz",
        FOLDER,
        11975353,
        "sha256:8bc44cde129d505cbbb6b365c09f80c663f2aa77578afc634e6141a2f87100c0",
    ),
}

_EXPECTED = "the folder with `recordings` in it, or `recordings` itself, with files DIGIT_SPEAKER_INDEX.wav"
_NAME = re.compile(r"([0-9])_(.+)_([0-9]+)")


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test` without a common speaker. Ids are the file names without extension.

    Raises:
        CorpusError: `root` is missing, holds no such recordings, or has fewer than 3 speakers.
    """
    root = corpus_tools.home(root, "free_spoken_digits", FOLDER, _EXPECTED)
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    entries = _entries(folder)
    if not entries:
        raise corpus_tools.nothing_found(folder, "free_spoken_digits", _EXPECTED)
    splits = _speakers_by_split(sorted({e.speaker for e in entries}))
    return {
        name: corpus_tools.utterances(
            [e for e in entries if e.speaker in speakers], f"free_spoken_digits {name}"
        )
        for name, speakers in splits.items()
    }


def _entries(folder: Path) -> list[corpus_tools.Entry]:
    named = ((_NAME.fullmatch(stem), audio) for stem, audio in corpus_tools.audio_by_stem(folder).items())
    return [corpus_tools.Entry(m[0], audio, m[1], m[2]) for m, audio in named if m]


def _speakers_by_split(speakers: list[str]) -> dict[str, list[str]]:
    if len(speakers) < 3:
        raise CorpusError(
            f"free_spoken_digits: {len(speakers)} speakers ({', '.join(speakers)}); expected at least 3, "
            "one each for train, dev and test. Take the whole dataset."
        )
    return {"train": speakers[:-2], "dev": speakers[-2:-1], "test": speakers[-1:]}
