"""CMU ARCTIC: 18 voices with several accents, reading the same 1,132 English sentences in a studio.

Folders cmu_us_SPEAKER_arctic, each with etc/txt.done.data and wav/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speechgru.data import corpus_tools, splits
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.utils import walk
from speechgru.utils.download import Archive

SOURCE = "CMU ARCTIC databases, http://www.festvox.org/cmu_arctic"
LICENSE = "free for any use (Carnegie Mellon University; see COPYING in each voice)"
CITATION = "J. Kominek and A. W. Black, 'CMU ARCTIC databases for speech synthesis', CMU-LTI-03-177, 2003."
FOLDER = "ARCTIC"
SPLITS = ("train", "dev", "test")

# Checksums: torchaudio 2.11. Sizes are not published; a voice has about 100 MB.
_CHECKSUMS = {
    "aew": "645cb33c0f0b2ce41384fdd8d3db2c3f5fc15c1e688baeb74d2e08cab18ab406",
    "ahw": "024664adeb892809d646a3efd043625b46b5bfa3e6189b3500b2d0d59dfab06c",
    "aup": "2c55bc3050caa996758869126ad10cf42e1441212111db034b3a45189c18b6fc",
    "awb": "d74a950c9739a65f7bfc4dfa6187f2730fa03de5b8eb3f2da97a51b74df64d3c",
    "axb": "dd65c3d2907d1ee52f86e44f578319159e60f4bf722a9142be01161d84e330ff",
    "bdl": "26b91aaf48b2799b2956792b4632c2f926cd0542f402b5452d5adecb60942904",
    "clb": "3f16dc3f3b97955ea22623efb33b444341013fc660677b2e170efdcc959fa7c6",
    "eey": "8a0ee4e5acbd4b2f61a4fb947c1730ab3adcc9dc50b195981d99391d29928e8a",
    "fem": "3fcff629412b57233589cdb058f730594a62c4f3a75c20de14afe06621ef45e2",
    "gka": "dc82e7967cbd5eddbed33074b0699128dbd4482b41711916d58103707e38c67f",
    "jmk": "3a37c0e1dfc91e734fdbc88b562d9e2ebca621772402cdc693bbc9b09b211d73",
    "ksp": "8029cafce8296f9bed3022c44ef1e7953332b6bf6943c14b929f468122532717",
    "ljm": "b23993765cbf2b9e7bbc3c85b6c56eaf292ac81ee4bb887b638a24d104f921a0",
    "lnh": "4faf34d71aa7112813252fb20c5433e2fdd9a9de55a00701ffcbf05f24a5991a",
    "rms": "c6dc11235629c58441c071a7ba8a2d067903dfefbaabc4056d87da35b72ecda4",
    "rxr": "1fa4271c393e5998d200e56c102ff46fcfea169aaa2148ad9e9469616fbfdd9b",
    "slp": "54345ed55e45c23d419e9a823eef427f1cc93c83a710735ec667d068c916abf1",
    "slt": "7c173297916acf3cc7fcab2713be4c60b27312316765a90934651d367226b4ea",
}
ARCHIVES = {
    voice: Archive(
        f"http://festvox.org/cmu_arctic/packed/cmu_us_{voice}_arctic.tar.bz2",
        f"{FOLDER}/cmu_us_{voice}_arctic",
        checksum=f"sha256:{digest}",
        inside=FOLDER,
    )
    for voice, digest in _CHECKSUMS.items()
}
_EXPECTED = f"the {FOLDER} folder with at least one of cmu_us_aew_arctic, cmu_us_ahw_arctic, ... in it"
_VOICE = re.compile(r"cmu_us_(\w+)_arctic")
_LINE = re.compile(r'\(\s*(\S+)\s+"(.*)"\s*\)\s*')


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `train`, `dev` and `test`, seeded, that share neither a voice nor a sentence.

    None is published, and all voices read the same sentences: a voice and a sentence each belong to one split,
    and a recording is taken where both agree (of all 18 voices two thirds are). With fewer than three voices the
    splits are by sentence only, and the speaker is left empty. Ids are VOICE/arctic_a0001.

    Raises:
        CorpusError: `root` or every voice is missing, or a line of a transcript can't be read.
    """
    root = corpus_tools.home(root, "cmu_arctic", FOLDER, _EXPECTED)
    folders = {m[1]: p for p in walk.folders(root) if (m := _VOICE.fullmatch(p.name))}
    entries = [e for voice, folder in folders.items() for e in _entries(folder, voice)]
    if not entries:
        raise corpus_tools.nothing_found(root, "cmu_arctic", _EXPECTED)
    by_voice = len(folders) >= 3
    voices, sentences = (
        splits.three_ways(folders),
        splits.three_ways(_sentence(e.id) for e in entries),
    )
    chosen: dict[str, list[corpus_tools.Entry]] = {"train": [], "dev": [], "test": []}
    for entry in entries:
        split = sentences[_sentence(entry.id)]
        if not by_voice:
            chosen[split].append(corpus_tools.Entry(entry.id, entry.audio, entry.text))
        elif voices[entry.speaker] == split:
            chosen[split].append(entry)
    return {
        split: corpus_tools.utterances(entries, f"cmu_arctic {split}") for split, entries in chosen.items()
    }


def _sentence(name: str) -> str:
    return name.rpartition("/")[2]


def _entries(folder: Path, voice: str) -> Iterator[corpus_tools.Entry]:
    audio = corpus_tools.audio_by_stem(folder / "wav")
    table = folder / "etc" / "txt.done.data"
    for number, line in enumerate(corpus_tools.read_text(table).split("\n"), start=1):
        match = _LINE.fullmatch(line)
        if match:
            yield corpus_tools.Entry(f"{voice}/{match[1]}", audio.get(match[1]), match[2], voice)
        elif line.strip():
            raise CorpusError(f'{table}, line {number}: {line[:80]!r}; expected ( ID "text" ).')
