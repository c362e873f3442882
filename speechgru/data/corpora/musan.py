"""MUSAN: music, speech and noise to mix into training recordings; nothing of it is transcribed here."""

from __future__ import annotations

from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.utils.download import Archive

SOURCE = "MUSAN, https://www.openslr.org/17"
LICENSE = "CC BY 4.0 (each part states its own below it)"
CITATION = (
    "D. Snyder, G. Chen and D. Povey, 'MUSAN: A Music, Speech, and Noise Corpus', arXiv:1510.08484, 2015."
)
FOLDER = "musan"

# Checksum and size as OpenSLR's; they agree in the recipes of WeSpeaker, VoxCeleb trainer and PaddleSpeech.
ARCHIVES = {
    "all": Archive(
        "https://www.openslr.org/resources/17/musan.tar.gz",
        FOLDER,
        11086114085,
        "md5:0c472d4fc0c5141eca47ad1ffeb2a7df",
    ),
}
KINDS = ("music", "noise", "speech")
_EXPECTED = f"the {FOLDER} folder with music, noise and speech in it"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `music`, `noise` and `speech`, those that are there. Texts are empty.

    Ids are paths without extension (`noise/free-sound/noise-free-sound-0000`).

    Raises:
        CorpusError: `root` is missing or has none of the three.
    """
    root = corpus_tools.home(root, "musan", FOLDER, _EXPECTED)
    splits = {kind: corpus_tools.audio_by_stem(root / kind, recursive=True) for kind in KINDS}
    if not any(splits.values()):
        raise corpus_tools.nothing_found(root, "musan", _EXPECTED)
    return {
        kind: corpus_tools.sounds({f"{kind}/{n}": p for n, p in paths.items()}, f"musan {kind}")
        for kind, paths in splits.items()
        if paths
    }
