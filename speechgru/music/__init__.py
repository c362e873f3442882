"""Music: notes, files of them, corpora, models that write them, and what to evaluate them by.

The names below are imported when they are first used: `read` gives the pieces of MIDI and ABC files, `write` makes a
MIDI file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.music.evaluation.benchmark import evaluate
    from speechgru.music.files.load import read
    from speechgru.music.files.midi_write import write
    from speechgru.music.generation.compose import load_composer
    from speechgru.music.generation.harmonize import harmonize
    from speechgru.music.score.notes import Note, NoteSequence

__all__ = ["Note", "NoteSequence", "evaluate", "harmonize", "load_composer", "read", "write"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Note": "score.notes",
        "NoteSequence": "score.notes",
        "evaluate": "evaluation.benchmark",
        "harmonize": "generation.harmonize",
        "load_composer": "generation.compose",
        "read": "files.load",
        "write": "files.midi_write",
    },
)
