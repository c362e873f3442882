"""LibriSpeech: read audiobooks in English, folders SUBSET/SPEAKER/CHAPTER with SPEAKER-CHAPTER.trans.txt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru import recordings
from speechgru.manifest import Utterance

SOURCE = "LibriSpeech ASR corpus, https://www.openslr.org/12"
LICENSE = "CC BY 4.0"
CITATION = (
    "V. Panayotov, G. Chen, D. Povey and S. Khudanpur, 'Librispeech: an ASR corpus based on public domain "
    "audio books', ICASSP 2015."
)
SHARE_ALIKE = False

SUBSETS = (
    "train-clean-100",
    "train-clean-360",
    "train-other-500",
    "dev-clean",
    "dev-other",
    "test-clean",
    "test-other",
)
_EXPECTED = f"the LibriSpeech folder with at least one of {', '.join(SUBSETS)} in it"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """The utterances of every subset folder below `root`; the split names are the folder names.

    A recording is looked up by its stem, so audio in any readable format will do. Ids are LibriSpeech's own
    (`84-121123-0000`), the speaker is the id's first part.

    Raises:
        CorpusError: `root` or every subset is missing, or a transcript can't be read.
    """
    root = recordings.require(root, "librispeech", _EXPECTED)
    subsets = [root / name for name in SUBSETS if (root / name).is_dir()]
    if not subsets:
        raise recordings.nothing_found(root, "librispeech", _EXPECTED)
    return {s.name: recordings.utterances(_entries(s), f"librispeech {s.name}") for s in subsets}


def _entries(subset: Path) -> Iterator[recordings.Entry]:
    for transcripts in sorted(subset.glob("*/*/*.trans.txt")):
        audio = recordings.audio_by_stem(transcripts.parent)
        for name, words in recordings.read_table(transcripts):
            yield recordings.Entry(name, audio.get(name), words, name.partition("-")[0])
