"""British and American folk tunes with chords as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls

SOURCE = mat_rolls.source("Nottingham.mat")
LICENSE = "MIT (the repository that holds it); the Nottingham Music Database states none"
CITATION = mat_rolls.CITATION
SHARE_ALIKE = False
STEPS_PER_BEAT = 2

prepare = mat_rolls.reader("nottingham", "Nottingham.mat", STEPS_PER_BEAT)
