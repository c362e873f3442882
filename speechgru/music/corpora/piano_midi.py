"""Classical piano pieces of piano-midi.de as piano rolls, a step for each eighth note."""

from __future__ import annotations

from speechgru.music import matrolls

SOURCE = matrolls.source("Piano_midi.mat")
LICENSE = "MIT (the repository that holds it); piano-midi.de's MIDI files are CC BY-SA 3.0 DE"
CITATION = matrolls.CITATION
SHARE_ALIKE = True
STEPS_PER_BEAT = 2

prepare = matrolls.reader("piano_midi", "Piano_midi.mat", STEPS_PER_BEAT)
