"""New pieces from a model of words.

A step is a word of the piece (tokens.py); the model also tells key, metre, bar lines and where the piece ends. Its key
is set by the words that a piece in this key begins with, the metre too. Where a key is asked for and neither metre nor
beginning, the model first makes up the metre, the same for all pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.generation import continuation, transposition
from speechgru.music.generation.request import Wishes, keys_of, metre_of
from speechgru.music.generation.sample_tokens import WordSampling, sample_words
from speechgru.music.models.sampling import OnProgress
from speechgru.music.models.token_model import WordModel
from speechgru.music.score.notes import KeyChange, Note, NoteSequence
from speechgru.music.score.tokens import Encoding

TEMPERATURE = 0.85
"""Of 1, 0.92, 0.88, 0.85 and 0.8 what made tunes most like those of `folk` by bars that come again (41 % for 44 %)."""
LEAST_WORDS = 8
"""Of a tune with one note: START, METRE, UNIT, SIGNATURE, MODE, BAR, NOTE, DURATION."""
ACCIDENTALS = 3
"""Most sharps or flats of a key that nobody asked for. Training pieces are transposed to all keys, so the model finds G
flat as good as G; players don't."""


@dataclass(frozen=True)
class _Told(WordSampling):
    """How words are drawn after a heading: what it says of key and metre stays, from the first note on."""

    told: frozenset[str] = frozenset()
    """Kinds of words."""

    def allowed(self, encoding: Encoding) -> NDArray[np.bool_]:
        kinds, _, values = zip(*(word.partition(" ") for word in encoding.words))
        far = [kind == "SIGNATURE" and abs(int(value)) > ACCIDENTALS for kind, value in zip(kinds, values)]
        allowed: NDArray[np.bool_] = (
            super().allowed(encoding) & ~np.isin(kinds, list(self.told)) & ~np.array(far)
        )
        return allowed


class WordComposer:
    """Composer with a model of words."""

    temperature = TEMPERATURE

    def __init__(self, model: WordModel) -> None:
        self.model, self.header = model, model.header
        self.corpora = model.header.corpora
        self.steps_per_beat = model.encoding.settings.steps_per_beat

    def compose(
        self, wishes: Wishes, count: int = 1, on_progress: OnProgress | None = None
    ) -> list[NoteSequence]:
        """See `compose.Composer`."""
        options = _Told(
            TEMPERATURE if wishes.temperature is None else wishes.temperature,
            wishes.top_k,
            wishes.top_p,
            wishes.seed,
            wishes.lowest,
            wishes.highest,
            wishes.scale.classes,
            wishes.bars,
            is_tune=self.header.facts.monophonic,
        )
        start = self._begun(wishes.primer, wishes) if wishes.primer else self._heading(wishes, options)
        told = frozenset(self.model.encoding.words[number].partition(" ")[0] for number in start)
        options = replace(options, told=told & {"SIGNATURE", "METRE"})
        if wishes.steps:
            if len(start) >= wishes.steps:
                what = "primer" if wishes.primer else "heading (key and metre)"
                raise MusicError(
                    f"The {what} has {len(start)} steps (words), the piece {wishes.steps}. Make the piece longer or "
                    "the primer shorter."
                )
            options = replace(options, most=wishes.steps - len(start))
        found = sample_words(self.model, count, options=options, primer=start, on_progress=on_progress)
        return [self.model.encoding.decode(numbers, wishes.tempo) for numbers in found]

    def remark(self, wishes: Wishes) -> str:
        """See `compose.Composer`: it hears a primer as it is."""
        words = self.model.encoding.settings
        if wishes.primer:
            continuation.check(wishes.primer, words.lowest, words.highest)
        elif 0 < wishes.steps < LEAST_WORDS:
            raise MusicError(
                f"Got {wishes.steps} steps; this model's steps are words, metre and key are the first, and a note has "
                f"room from {LEAST_WORDS} on. Ask for more, or for --bars."
            )
        return ""

    def _heading(self, wishes: Wishes, options: WordSampling) -> Sequence[int]:
        """The words that a piece in this key and metre begins with."""
        encoding, metre = self.model.encoding, wishes.metre
        if wishes.scale.key and metre is None:
            (drawn,) = sample_words(self.model, options=replace(options, bars=0, most=2))
            metre = next(iter(encoding.decode(drawn).metres), None)
        metres = () if metre is None else (replace(metre, beat=0.0),)
        return encoding.encode(NoteSequence(keys=keys_of(wishes), metres=metres))[:-1]

    def _begun(self, primer: NoteSequence, wishes: Wishes) -> Sequence[int]:
        """The words of a primer up to the next note: a note is put there, and taken away again.

        Where nobody says the key, it is estimated: the model was told one in every piece.
        """
        encoding = self.model.encoding
        key = wishes.scale.key or (None if primer.keys else transposition.key_of(primer))
        keys = primer.keys if key is None else (KeyChange(0.0, key),)
        metres = (
            (replace(metre_of(wishes), beat=0.0),) if wishes.metre or not primer.metres else primer.metres
        )
        last = Note(primer.length, primer.pitched()[-1].pitch, primer.length + 1)
        notes = (*primer.pitched(), last)
        numbers = encoding.encode(replace(primer, notes=notes, keys=keys, metres=metres))
        kinds = [encoding.words[number].partition(" ")[0] for number in numbers]
        cut = len(kinds) - kinds[::-1].index("NOTE") - 1
        while kinds[cut - 1] in ("VOICE", "VELOCITY"):
            cut -= 1
        return numbers[:cut]
