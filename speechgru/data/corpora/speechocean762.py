"""speechocean762: English read by Mandarin speakers, adults and children.

The text is the prompt that was read; mispronunciations are not written in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.utils.download import Archive

SOURCE = "speechocean762, https://www.openslr.org/101"
LICENSE = "Apache-2.0"
CITATION = (
    "J. Zhang, Z. Zhang, Y. Wang, Z. Yan, Q. Song, Y. Huang, K. Li, D. Povey and Y. Wang, 'speechocean762: "
    "an open-source non-native English speech corpus for pronunciation assessment', Interspeech 2021."
)
FOLDER = "speechocean762"
SPLITS = ("train", "dev", "test")

# Size as in Kaldi's recipe gop_speechocean762; no checksum is published.
ARCHIVES = {
    "all": Archive("https://www.openslr.org/resources/101/speechocean762.tar.gz", FOLDER, 520810923),
}
PUBLISHED = ("train", "test")
_EXPECTED = f"the {FOLDER} folder with WAVE, train and test in it"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test`; no speaker is in two. Ids are the corpus's (`000010011`).

    `test` is as published. None is published for dev: it is taken from the published train, the speakers whose
    number is divisible by 10.

    Raises:
        CorpusError: `root` or one of its tables is missing, or a split has no recordings.
    """
    root = corpus_tools.home(root, "speechocean762", FOLDER, _EXPECTED)
    for name in PUBLISHED:
        corpus_tools.require(root / name, "speechocean762", _EXPECTED)
    train = list(_entries(root, "train"))
    splits = {
        "train": [e for e in train if not _is_dev(e.speaker)],
        "dev": [e for e in train if _is_dev(e.speaker)],
        "test": list(_entries(root, "test")),
    }
    return {s: corpus_tools.utterances(entries, f"speechocean762 {s}") for s, entries in splits.items()}


def ages(root: Path) -> dict[str, int]:
    """The age in years of each speaker; the corpus counts those below 16 as children.

    Raises:
        CorpusError: a `spk2age` table is missing or holds something else than whole numbers.
    """
    root = corpus_tools.home(root, "speechocean762", FOLDER, _EXPECTED)
    pairs = [pair for s in PUBLISHED for pair in corpus_tools.read_table(root / s / "spk2age")]
    try:
        return {speaker: int(age) for speaker, age in pairs}
    except ValueError as error:
        raise CorpusError(
            f"speechocean762: {error} in spk2age; expected `speaker age` in whole years."
        ) from error


def _is_dev(speaker: str) -> bool:
    return speaker.endswith("0")


def _entries(root: Path, split: str) -> Iterator[corpus_tools.Entry]:
    speakers = dict(corpus_tools.read_table(root / split / "utt2spk"))
    places = dict(corpus_tools.read_table(root / split / "wav.scp"))
    for name, words in corpus_tools.read_table(root / split / "text"):
        audio = corpus_tools.same_stem(root / places[name]) if name in places else None
        yield corpus_tools.Entry(name, audio, words, speakers.get(name, ""))
