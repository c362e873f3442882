"""British and American folk tunes with chords as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music import matrolls

SOURCE = matrolls.source("Nottingham.mat")
LICENSE = "MIT (the repository that holds it); the Nottingham Music Database states none"
CITATION = matrolls.CITATION
SHARE_ALIKE = False
STEPS_PER_BEAT = 2

prepare = matrolls.reader("nottingham", "Nottingham.mat", STEPS_PER_BEAT)
