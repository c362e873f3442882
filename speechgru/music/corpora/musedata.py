"""Orchestral and piano classics of MuseData as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls

SOURCE = mat_rolls.source("MuseData.mat")
LICENSE = "MIT (the repository that holds it); MuseData states its own for each piece"
CITATION = mat_rolls.CITATION
SHARE_ALIKE = False
STEPS_PER_BEAT = 2

prepare = mat_rolls.reader("musedata", "MuseData.mat", STEPS_PER_BEAT)
