"""Orchestral and piano classics of MuseData as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music import matrolls

SOURCE = matrolls.source("MuseData.mat")
LICENSE = "MIT (the repository that holds it); MuseData states its own for each piece"
CITATION = matrolls.CITATION
SHARE_ALIKE = False
STEPS_PER_BEAT = 2

prepare = matrolls.reader("musedata", "MuseData.mat", STEPS_PER_BEAT)
