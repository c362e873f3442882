"""Music from files and into them: MIDI, ABC, JSON of chorales, piano rolls in .mat, recordings."""
