"""Classical piano pieces of piano-midi.de as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music.files import mat_rolls

SOURCE = mat_rolls.source("Piano_midi.mat")
LICENSE = "MIT (the repository that holds it); piano-midi.de's MIDI files are CC BY-SA 3.0 DE"
CITATION = mat_rolls.CITATION
SHARE_ALIKE = True
STEPS_PER_BEAT = 2

prepare = mat_rolls.reader("piano_midi", "Piano_midi.mat", STEPS_PER_BEAT)
