"""Bach's chorales in four parts as piano rolls, a step for each quarter note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls
from speechgru.music.score.corpus_facts import CorpusFacts

LICENSE = "MIT (the repository that holds it); the music is in the public domain"
FACTS = CorpusFacts(steps_per_beat=1, key="C", octave=12, voices=4)
SOURCE, CITATION, prepare = mat_rolls.corpus("jsb_chorales", "JSB_Chorales.mat", FACTS.steps_per_beat)
