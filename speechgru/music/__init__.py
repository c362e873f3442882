"""Music: notes, files of them, corpora, models that write them, and what to evaluate them by.

The names below are imported when they are first used: `read` gives the pieces of MIDI and ABC files, `write` makes a
MIDI file.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.music.evaluation.benchmark import evaluate
    from speechgru.music.files.load import read
    from speechgru.music.files.midi_write import write
    from speechgru.music.generation.compose import load_composer
    from speechgru.music.generation.harmonize import harmonize
    from speechgru.music.score.notes import Note, NoteSequence

__all__ = ["Note", "NoteSequence", "evaluate", "harmonize", "load_composer", "read", "write"]

_HOMES = {
    "Note": "score.notes",
    "NoteSequence": "score.notes",
    "evaluate": "evaluation.benchmark",
    "harmonize": "generation.harmonize",
    "load_composer": "generation.compose",
    "read": "files.load",
    "write": "files.midi_write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"speechgru.music.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
