"""LibriSpeech: read audiobooks in English, folders SUBSET/SPEAKER/CHAPTER with SPEAKER-CHAPTER.trans.txt.

train-clean-5 and dev-clean-2 are Mini LibriSpeech: excerpts of train-clean-100 and dev-clean.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.utils import walk
from speechgru.utils.download import Archive

SOURCE = "LibriSpeech ASR corpus, https://www.openslr.org/12"
LICENSE = "CC BY 4.0"
CITATION = (
    "V. Panayotov, G. Chen, D. Povey and S. Khudanpur, 'Librispeech: an ASR corpus based on public domain "
    "audio books', ICASSP 2015."
)
FOLDER = "LibriSpeech"

# Size in bytes and checksum: torchaudio 2.11 and TensorFlow Datasets (SLR12), OpenSLR's md5sum.txt (SLR31).
_PUBLISHED = {
    "train-clean-100": (
        12,
        6387309499,
        "sha256:d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
    ),
    "train-clean-360": (
        12,
        23049477885,
        "sha256:146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
    ),
    "train-other-500": (
        12,
        30593501606,
        "sha256:ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
    ),
    "dev-clean": (12, 337926286, "sha256:76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3"),
    "dev-other": (12, 314305928, "sha256:12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365"),
    "test-clean": (12, 346663984, "sha256:39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23"),
    "test-other": (12, 328757843, "sha256:d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29"),
    "train-clean-5": (31, 332954390, "md5:5df7d4e78065366204ca6845bb08f490"),
    "dev-clean-2": (31, 126046265, "md5:6d7ab67ac6a1d2c993d050e16d61080d"),
}
SUBSETS = tuple(_PUBLISHED)
ARCHIVES = {
    name: Archive(
        f"https://www.openslr.org/resources/{resource}/{name}.tar.gz", f"{FOLDER}/{name}", size, checksum
    )
    for name, (resource, size, checksum) in _PUBLISHED.items()
}
_EXPECTED = f"the {FOLDER} folder with at least one of {', '.join(SUBSETS)} in it"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """The utterances of every subset folder below `root`; the split names are the folder names.

    A recording is looked up by its stem, so audio in any readable format will do. Ids are LibriSpeech's own
    (`84-121123-0000`), the speaker is the id's first part.

    Raises:
        CorpusError: `root` or every subset is missing, or a transcript can't be read.
    """
    root = corpus_tools.home(root, "librispeech", FOLDER, _EXPECTED)
    subsets = [root / name for name in SUBSETS if (root / name).is_dir()]
    if not subsets:
        raise corpus_tools.nothing_found(root, "librispeech", _EXPECTED)
    return {s.name: corpus_tools.utterances(_entries(s), f"librispeech {s.name}") for s in subsets}


def _entries(subset: Path) -> Iterator[corpus_tools.Entry]:
    for transcripts in (path for path in walk.files(subset) if path.name.endswith(".trans.txt")):
        audio = corpus_tools.audio_by_stem(transcripts.parent)
        for name, words in corpus_tools.read_table(transcripts):
            yield corpus_tools.Entry(name, audio.get(name), words, name.partition("-")[0])
