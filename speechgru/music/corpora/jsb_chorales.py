"""Bach's chorales in four parts as piano rolls, a step for each quarter note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls
from speechgru.music.score.corpus_facts import CorpusFacts

SOURCE = mat_rolls.source("JSB_Chorales.mat")
LICENSE = "MIT (the repository that holds it); the music is in the public domain"
CITATION = mat_rolls.CITATION
SHARE_ALIKE = False
FACTS = CorpusFacts(steps_per_beat=1, key="C", octave=12, voices=4)

prepare = mat_rolls.reader("jsb_chorales", "JSB_Chorales.mat", FACTS.steps_per_beat)
