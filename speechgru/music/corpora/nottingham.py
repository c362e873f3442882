"""British and American folk tunes with chords as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls
from speechgru.music.score.corpus_facts import CorpusFacts

LICENSE = "MIT (the repository that holds it); the Nottingham Music Database states none"
FACTS = CorpusFacts(steps_per_beat=2, key="C")
SOURCE, CITATION, prepare = mat_rolls.corpus("nottingham", "Nottingham.mat", FACTS.steps_per_beat)
