"""Where the pieces of a corpus lie: what all were moved to is all that a model knows which learnt from them.

The benchmark's .mat files hold every piece in C major or C minor: Krumhansl's profiles find C in 61 of 77 test chorales
and in 69 of the first 80 test pieces of Nottingham, mostly a near key in the others; in the JSON file of chorales the
most frequent key, G major, has 8 of 77. And JSB_Chorales.mat lies an octave above a choir: its tops are between 72 and
93 (1st and 99th percentile), in the JSON file between 62 and 78. So a piece in another key is made in C, where the
model knows it, and moved to where it sounds.
"""

from __future__ import annotations

from speechgru.music.evaluation import statistics
from speechgru.music.score.corpus_facts import CorpusFacts
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import NoteSequence


def semitones(facts: CorpusFacts, key: Key | None) -> int:
    """How far a piece in `key` (None: it isn't known) must be moved up to lie where a model of such a corpus knows
    it."""
    if key is None or not facts.key:
        return facts.octave
    return (Key(facts.key).tonic_class - key.tonic_class + 6) % 12 - 6 + facts.octave


def key_of(piece: NoteSequence) -> Key | None:
    """The key that a piece names first, else the one it seems to be in; None without notes."""
    return piece.keys[0].key if piece.keys else statistics.estimate_key(piece)
