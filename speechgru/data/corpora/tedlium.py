"""TED-LIUM 3: talks in English, cut into segments by STM tables beside recordings in NIST SPHERE (.sph).

The "legacy" distribution, whose dev and test are those of the earlier releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import MOST_SECONDS, Utterance
from speechgru.errors import CorpusError
from speechgru.utils.download import Archive

SOURCE = "TED-LIUM release 3, https://www.openslr.org/51"
LICENSE = "CC BY-NC-ND 3.0"
CITATION = (
    "F. Hernandez, V. Nguyen, S. Ghannay, N. Tomashenko and Y. Estève, 'TED-LIUM 3: twice as much data and "
    "corpus repartition for experiments on speaker adaptation', SPECOM 2018."
)
FOLDER = "TEDLIUM_release-3"

# Size: TensorFlow Datasets; checksum: torchaudio 2.11.
ARCHIVES = {
    "all": Archive(
        "https://www.openslr.org/resources/51/TEDLIUM_release-3.tgz",
        FOLDER,
        54320173876,
        "sha256:ad1e454d14d1ad550bc2564c462d87c7a7ec83d4dc2b9210f22ab4973b9eccdb",
    ),
}
SPLITS = ("train", "dev", "test")
_EXPECTED = f"the {FOLDER} folder with legacy/train, legacy/dev and legacy/test in it, each with stm and sph"
_IGNORED = ("ignore_time_segment_in_scoring", "inter_segment_gap")
_LINE_KEY = re.compile(r"\([^ ]*\)\s*$")  # train lines of the first releases end in their own id
_TAG = re.compile(r"<[^>]*>|\(\d+\)")  # <unk>, <sil>; (2): a variant of pronunciation
_SPLIT_APOSTROPHE = re.compile(r"(?<=\S) +(?=')")  # "it 's" is written for "it's"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test`, as published. Ids are TALK-START-END in hundredths of a second.

    The speaker is the talk, as in Kaldi's recipe. Segments marked as not to be scored are passed over.

    Raises:
        CorpusError: `root` or a split is missing, or a line of a table can't be read.
    """
    root = corpus_tools.home(root, "tedlium", FOLDER, _EXPECTED)
    splits = {}
    for split in SPLITS:
        place = _place(root, split)
        if not list(place.glob("stm/*.stm")):
            raise corpus_tools.nothing_found(place, "tedlium", _EXPECTED)
        splits[split] = corpus_tools.checked(_segments(place), f"tedlium {split}")
    return splits


def _place(root: Path, split: str) -> Path:
    legacy = root / "legacy" / split
    # legacy/train holds links to data, which some tools don't unpack.
    return root / "data" if split == "train" and not list(legacy.glob("stm/*.stm")) else legacy


def _segments(place: Path) -> Iterator[Utterance]:
    audio = corpus_tools.audio_by_stem(place / "sph")
    for table in sorted(place.glob("stm/*.stm")):
        for number, line in enumerate(corpus_tools.read_text(table).split("\n"), start=1):
            if not line.strip() or line.startswith(";;"):
                continue
            talk, start, end, text = _read(line, f"{table}, line {number}")
            if text not in _IGNORED:
                name = f"{talk}-{round(100 * start):07d}-{round(100 * end):07d}"
                path = audio.get(talk, place / "sph" / f"{talk}.sph")
                yield Utterance(path, round(end - start, 3), clean(text), talk, name, offset=start)


def _read(line: str, where: str) -> tuple[str, float, float, str]:
    cells = line.split(None, 6)
    try:
        talk, _, _, start, end, _ = cells[:6]
        if not 0 <= float(start) < float(end) <= MOST_SECONDS:
            raise ValueError
        return talk, float(start), float(end), _LINE_KEY.sub("", cells[6]).strip() if len(cells) > 6 else ""
    except ValueError:
        raise CorpusError(
            f"{where}: {line[:80]!r}; expected TALK CHANNEL SPEAKER START END LABEL WORDS, times in seconds."
        ) from None


def clean(text: str) -> str:
    """An STM transcript without its marks, apostrophes joined to the word before them.

    >>> clean("it 's <unk> a(2) {NOISE} test")
    "it's a test"
    """
    spoken = _TAG.sub("", text.replace("{NOISE}", "").replace("[NOISE]", ""))
    return " ".join(_SPLIT_APOSTROPHE.sub("", spoken).split())
