"""Classical piano pieces of piano-midi.de as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls
from speechgru.music.score.corpus_facts import CorpusFacts

LICENSE = "MIT (the repository that holds it); piano-midi.de's MIDI files are CC BY-SA 3.0 DE"
FACTS = CorpusFacts(steps_per_beat=2, key="C")
SOURCE, CITATION, prepare = mat_rolls.corpus("piano_midi", "Piano_midi.mat", FACTS.steps_per_beat)
