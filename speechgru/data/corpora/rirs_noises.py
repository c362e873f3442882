"""RIRS_NOISES: real and simulated impulse responses of rooms, and noises, to put into training recordings."""

from __future__ import annotations

from pathlib import Path

from speechgru.data import corpus_tools
from speechgru.data.manifest import Utterance
from speechgru.utils.download import Archive

SOURCE = "Room Impulse Response and Noise Database, https://www.openslr.org/28"
LICENSE = "Apache-2.0"
CITATION = (
    "T. Ko, V. Peddinti, D. Povey, M. L. Seltzer and S. Khudanpur, 'A study on data augmentation of reverberant "
    "speech for robust speech recognition', ICASSP 2017."
)
FOLDER = "RIRS_NOISES"

# Checksum: OpenSLR's checksum.md5, as WeSpeaker, 3D-Speaker and PaddleSpeech have it; size in bytes.
ARCHIVES = {
    "all": Archive(
        "https://www.openslr.org/resources/28/rirs_noises.zip",
        FOLDER,
        1311166223,
        "md5:e6f48e257286e05de56413b4779d8ffb",
    ),
}
_REAL = "real_rirs_isotropic_noises"
_EXPECTED = f"the {FOLDER} folder with {_REAL}, simulated_rirs and pointsource_noises in it"


def prepare(root: Path) -> dict[str, list[Utterance]]:
    """Splits `real_rirs`, `simulated_rirs` (60,000), `isotropic_noises` and `pointsource_noises`, those that are
    there. Texts are empty; ids are paths without extension.

    Raises:
        CorpusError: `root` is missing or has none of them.
    """
    root = corpus_tools.home(root, "rirs_noises", FOLDER, _EXPECTED)
    recorded = _below(root, _REAL)
    splits = {
        "real_rirs": {n: p for n, p in recorded.items() if "noise" not in p.stem},
        "isotropic_noises": {n: p for n, p in recorded.items() if "noise" in p.stem},
        "simulated_rirs": _below(root, "simulated_rirs"),
        "pointsource_noises": _below(root, "pointsource_noises"),
    }
    if not any(splits.values()):
        raise corpus_tools.nothing_found(root, "rirs_noises", _EXPECTED)
    return {
        kind: corpus_tools.sounds(paths, f"rirs_noises {kind}") for kind, paths in splits.items() if paths
    }


def _below(root: Path, folder: str) -> dict[str, Path]:
    return {f"{folder}/{n}": p for n, p in corpus_tools.audio_by_stem(root / folder, recursive=True).items()}
