"""New pieces from a token model.

A step is a token of the piece (tokens.py); the model also draws key, metre, bar lines and where the piece ends. Its key
is set by the tokens that a piece in this key begins with, the metre too. Where a key is asked for and neither metre nor
beginning, the model first draws the metre, the same for all pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.generation import continuation, transposition
from speechgru.music.generation.request import Request, keys_of, metre_of
from speechgru.music.generation.sample_tokens import TokenSampling, sample_tokens
from speechgru.music.models.sampling import OnProgress
from speechgru.music.models.token_model import TokenModel
from speechgru.music.score.notes import KeyChange, Note, NoteSequence
from speechgru.music.score.tokens import Encoding

TEMPERATURE = 0.85
"""Of 1, 0.92, 0.88, 0.85 and 0.8 what made tunes most like those of `folk` by bars that come again (41 % for 44 %)."""
LEAST_TOKENS = 8
"""Of a tune with one note: START, METRE, UNIT, SIGNATURE, MODE, BAR, NOTE, DURATION."""
ACCIDENTALS = 3
"""Most sharps or flats of a key that nobody asked for. Training pieces are transposed to all keys, so the model finds G
flat as good as G; players don't."""


@dataclass(frozen=True)
class _HeadedSampling(TokenSampling):
    """How tokens are drawn after a heading: its key and metre stay, from the first note on."""

    stated: frozenset[str] = frozenset()
    """Kinds of tokens."""

    def allowed(self, encoding: Encoding) -> NDArray[np.bool_]:
        kinds, _, values = zip(*(token.partition(" ") for token in encoding.tokens))
        far = [kind == "SIGNATURE" and abs(int(value)) > ACCIDENTALS for kind, value in zip(kinds, values)]
        allowed: NDArray[np.bool_] = (
            super().allowed(encoding) & ~np.isin(kinds, list(self.stated)) & ~np.array(far)
        )
        return allowed


class TokenComposer:
    """Composer with a model of tokens."""

    temperature = TEMPERATURE

    def __init__(self, model: TokenModel) -> None:
        self.model, self.header = model, model.header
        self.corpora = model.header.corpora
        self.steps_per_beat = model.encoding.settings.steps_per_beat

    def compose(
        self, request: Request, count: int = 1, on_progress: OnProgress | None = None
    ) -> list[NoteSequence]:
        """See `compose.Composer`."""
        options = _HeadedSampling(
            TEMPERATURE if request.temperature is None else request.temperature,
            request.top_k,
            request.top_p,
            request.seed,
            request.lowest,
            request.highest,
            request.scale.classes,
            request.bars,
            is_tune=self.header.facts.monophonic,
        )
        start = self._begun(request.primer, request) if request.primer else self._heading(request, options)
        stated = frozenset(self.model.encoding.tokens[number].partition(" ")[0] for number in start)
        options = replace(options, stated=stated & {"SIGNATURE", "METRE"})
        if request.steps:
            if len(start) >= request.steps:
                what = "primer" if request.primer else "heading (key and metre)"
                raise MusicError(
                    f"The {what} has {len(start)} steps (tokens), the piece {request.steps}. Make the piece longer or "
                    "the primer shorter."
                )
            options = replace(options, most=request.steps - len(start))
        sampled = sample_tokens(self.model, count, options=options, primer=start, on_progress=on_progress)
        return [self.model.encoding.decode(numbers, request.tempo) for numbers in sampled]

    def remark(self, request: Request) -> str:
        """See `compose.Composer`: a token model gets a primer as it is."""
        settings = self.model.encoding.settings
        if request.primer:
            continuation.check(request.primer, settings.lowest, settings.highest)
        elif 0 < request.steps < LEAST_TOKENS:
            raise MusicError(
                f"Got {request.steps} steps; this model's steps are tokens, metre and key are the first, and a note "
                f"has room from {LEAST_TOKENS} on. Ask for more, or for --bars."
            )
        return ""

    def _heading(self, request: Request, options: TokenSampling) -> Sequence[int]:
        """The tokens that a piece in this key and metre begins with."""
        encoding, metre = self.model.encoding, request.metre
        if request.scale.key and metre is None:
            (drawn,) = sample_tokens(self.model, options=replace(options, bars=0, most=2))
            metre = next(iter(encoding.decode(drawn).metres), None)
        metres = () if metre is None else (replace(metre, beat=0.0),)
        return encoding.encode(NoteSequence(keys=keys_of(request), metres=metres))[:-1]

    def _begun(self, primer: NoteSequence, request: Request) -> Sequence[int]:
        """The tokens of a primer up to the next note: a note is put there, and taken away again.

        A key that nobody gives is estimated: the model had one in every training piece.
        """
        encoding = self.model.encoding
        key = request.scale.key or (None if primer.keys else transposition.key_of(primer))
        keys = primer.keys if key is None else (KeyChange(0.0, key),)
        metres = (
            (replace(metre_of(request), beat=0.0),) if request.metre or not primer.metres else primer.metres
        )
        last = Note(primer.length, primer.pitched()[-1].pitch, primer.length + 1)
        notes = (*primer.pitched(), last)
        numbers = encoding.encode(replace(primer, notes=notes, keys=keys, metres=metres))
        kinds = [encoding.tokens[number].partition(" ")[0] for number in numbers]
        cut = len(kinds) - kinds[::-1].index("NOTE") - 1
        while kinds[cut - 1] in ("VOICE", "VELOCITY"):
            cut -= 1
        return numbers[:cut]
