"""What all pieces of a corpus have in common, so that a model which learnt from them knows nothing else.

A corpus states its facts (`FACTS` in speechgru/music/corpora), or finds them in its pieces (`facts`); a trained model
keeps them in its header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from speechgru.music.score.chorale import VOICES
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import NoteSequence
from speechgru.music.score.piano_roll import check_steps
from speechgru.music.score.voices import in_four_parts

MOST = 0.9
"""Share of the pieces in four parts from which on the corpus is."""


@dataclass(frozen=True)
class CorpusFacts:
    """A piano roll of a piece has `steps_per_beat`.

    `key`: the tonic to which all pieces were transposed, major and minor ones; "": they are in keys of their own.
    `octave`: semitones that they lie above where they sound. `voices`: 4 where each piece is in four parts, soprano to
    bass, with one note at a time in each; 0: not known. `monophonic`: each piece has one note at a time.

    Raises:
        MusicError: there is no such grid or key.
    """

    steps_per_beat: int = 4
    key: str = ""
    octave: int = 0
    voices: int = 0
    monophonic: bool = False

    def __post_init__(self) -> None:
        check_steps(self.steps_per_beat)
        if self.key:
            Key(self.key)

    def of_pieces(self, pieces: Sequence[NoteSequence]) -> CorpusFacts:
        """The same with the voices that the pieces have, on the grid."""
        count = sum(in_four_parts(piece.on_grid(self.steps_per_beat)) for piece in pieces)
        return replace(self, voices=len(VOICES) if count and count >= MOST * len(pieces) else 0)


BY_NAME = {
    "chorales": CorpusFacts(voices=4),
    "folk": CorpusFacts(24, monophonic=True),
    "jsb_chorales": CorpusFacts(1, key="C", octave=12, voices=4),
    "musedata": CorpusFacts(2, key="C"),
    "nottingham": CorpusFacts(2, key="C"),
    "piano_midi": CorpusFacts(2, key="C"),
}
"""For models from before their headers held the facts of their corpora."""


def combined(facts: Sequence[CorpusFacts]) -> CorpusFacts:
    """Of a model that learnt from several corpora: grid, key and octave of the first, the voices that one of them has,
    one note at a time where all have."""
    if not facts:
        return CorpusFacts()
    return replace(
        facts[0],
        voices=max(each.voices for each in facts),
        monophonic=all(each.monophonic for each in facts),
    )
