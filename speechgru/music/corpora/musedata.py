"""Orchestral and piano classics of MuseData as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls
from speechgru.music.score.corpus_facts import CorpusFacts

LICENSE = "MIT (the repository that holds it); MuseData states its own for each piece"
FACTS = CorpusFacts(steps_per_beat=2, key="C")
SOURCE, CITATION, prepare = mat_rolls.corpus("musedata", "MuseData.mat", FACTS.steps_per_beat)
