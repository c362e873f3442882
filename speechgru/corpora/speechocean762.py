"""speechocean762: English read by Mandarin speakers, adults and children.

The text is the prompt that was read; mispronunciations are not written in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechgru import recordings
from speechgru.errors import CorpusError
from speechgru.manifest import Utterance

SOURCE = "speechocean762, https://www.openslr.org/101"
LICENSE = "Apache-2.0"
CITATION = (
    "J. Zhang, Z. Zhang, Y. Wang, Z. Yan, Q. Song, Y. Huang, K. Li, D. Povey and Y. Wang, 'speechocean762: "
    "an open-source non-native English speech corpus for pronunciation assessment', Interspeech 2021."
)
SHARE_ALIKE = False

SPLITS = ("train", "test")
_EXPECTED = "the speechocean762 folder with WAVE, train and test in it"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train` and `test`, as published; no speaker is in both. Ids are the corpus's (`000010011`).

    Raises:
        CorpusError: `root` or one of its tables is missing.
    """
    root = recordings.require(root, "speechocean762", _EXPECTED)
    for name in SPLITS:
        recordings.require(root / name, "speechocean762", _EXPECTED)
    return {s: recordings.utterances(_entries(root, s), f"speechocean762 {s}") for s in SPLITS}


def ages(root: Path) -> dict[str, int]:
    """The age in years of each speaker; the corpus counts those below 16 as children.

    Raises:
        CorpusError: a `spk2age` table is missing or holds something else than whole numbers.
    """
    root = recordings.require(root, "speechocean762", _EXPECTED)
    pairs = [pair for s in SPLITS for pair in recordings.read_table(root / s / "spk2age")]
    try:
        return {speaker: int(age) for speaker, age in pairs}
    except ValueError as error:
        raise CorpusError(
            f"speechocean762: {error} in spk2age; expected `speaker age` in whole years."
        ) from error


def _entries(root: Path, split: str) -> Iterator[recordings.Entry]:
    speakers = dict(recordings.read_table(root / split / "utt2spk"))
    places = dict(recordings.read_table(root / split / "wav.scp"))
    for name, words in recordings.read_table(root / split / "text"):
        audio = recordings.same_stem(root / places[name]) if name in places else None
        yield recordings.Entry(name, audio, words, speakers.get(name, ""))
