"""Bach's chorales in four parts as piano rolls, a step for each quarter note."""

from __future__ import annotations

from speechgru.music import matrolls

SOURCE = matrolls.source("JSB_Chorales.mat")
LICENSE = "MIT (the repository that holds it); the music is in the public domain"
CITATION = matrolls.CITATION
SHARE_ALIKE = False
STEPS_PER_BEAT = 1

prepare = matrolls.reader("jsb_chorales", "JSB_Chorales.mat", STEPS_PER_BEAT)
