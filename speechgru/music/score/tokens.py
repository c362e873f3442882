"""Notes as a line of tokens for a language model: `VOICE 1` `NOTE 60` `DURATION 12` `SHIFT 12` `BAR` ..., and back.

The tokens, in the order of a piece:

    START                    once, first
    METRE n, UNIT d          bars of n notes of 1/d from here on
    SIGNATURE f, MODE m      the key of f sharps (flats are negative) in mode m from here on
    BAR                      the time is moved to the next bar line without a token yet (4/4 before any metre)
    SHIFT s                  the time moves on by s steps
    VOICE v, VELOCITY b      hold until the next of their kind; only where there are several
    NOTE p, DURATION d       a note begins; its DURATIONs add up (all but the last are the longest)
    END                      once, last; the time is then the piece's length, if no note ends later

`decode(encode(piece))` is `rounded(piece)` exactly: on the grid, without drums, velocities in bins, with one tempo. And
whatever obeys `follows`, from START to END, can be decoded: a model that may draw such tokens alone never makes
nonsense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speechgru.errors import MusicError
from speechgru.music.score.keys import pitch_name
from speechgru.music.score.notes import QPM, Note, NoteSequence, Tempo, spans
from speechgru.music.score.token_codec import Reader, Writer
from speechgru.music.score.token_vocabulary import (
    MOST_NUMERATOR,
    Settings,
    grammar,
    rounded_velocity,
    vocabulary,
)

__all__ = ["Encoding", "Settings"]


class Encoding:
    """The tokens of `settings`, and what they mean. `tokens[i]` is the token of number i; `follows` [tokens, tokens]:
    whether the second may come right after the first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tokens = tuple(vocabulary(settings))
        self.number = {token: index for index, token in enumerate(self.tokens)}
        self.start, self.end = self.number["START"], self.number["END"]
        self.follows = grammar(self.tokens, settings.longest)

    def __len__(self) -> int:
        return len(self.tokens)

    # ------------------------------------------------------------------------------------------- notes to numbers

    def rounded(self, piece: NoteSequence) -> NoteSequence:
        """`piece` as this encoding holds it.

        Raises:
            MusicError: a pitch, voice or metre has no token.
        """
        notes = tuple(self._rounded_note(note) for note in piece.pitched())
        for metre in piece.metres:
            if metre.numerator > MOST_NUMERATOR or metre.denominator not in self.settings.units:
                raise MusicError(
                    f"The metre {metre} has no token: upper numbers go to {MOST_NUMERATOR}, lower ones are "
                    f"{', '.join(map(str, self.settings.units))}."
                )
        piece = replace(piece, notes=notes, tempos=(Tempo(0.0, QPM),)).on_grid(self.settings.steps_per_beat)
        # Only what comes before the end has a token.
        keys = tuple(change for change in piece.keys if change.beat <= piece.length)
        metres = tuple(metre for metre in piece.metres if metre.beat <= piece.length)
        return replace(piece, keys=keys, metres=metres)

    def encode(self, piece: NoteSequence) -> list[int]:
        """The numbers of a piece's tokens, from START to END.

        Raises:
            MusicError: as `rounded`.
        """
        writer = Writer(self.settings)
        piece = self.rounded(piece)
        per_beat = self.settings.steps_per_beat
        metres = {round(metre.beat * per_beat): metre for metre in piece.metres}
        keys = {round(change.beat * per_beat): change.key for change in piece.keys}
        notes: dict[int, list[tuple[Note, int]]] = {}
        for note, (start, end) in zip(piece.notes, spans(piece.notes, per_beat)):
            notes.setdefault(start, []).append((note, end - start))
        for time in sorted({*metres, *keys, *notes}):
            writer.change(time, metres.get(time), keys.get(time))
            if time in notes:
                writer.advance(time)
                # Voice by voice, so that few VOICE tokens are needed.
                for note, steps in sorted(notes[time], key=lambda item: (item[0].voice, item[0])):
                    writer.note(note, steps)
        writer.end(round(piece.length * per_beat))
        return [self.number[token] for token in writer.tokens]

    def _rounded_note(self, note: Note) -> Note:
        settings = self.settings
        if not settings.lowest <= note.pitch <= settings.highest:
            raise MusicError(
                f"{pitch_name(note.pitch)} has no token; this encoding has {pitch_name(settings.lowest)} to "
                f"{pitch_name(settings.highest)}."
            )
        if settings.voices > 1 and note.voice >= settings.voices:
            raise MusicError(
                f"Voice {note.voice + 1} has no token; this encoding has {settings.voices} voices."
            )
        velocity = rounded_velocity(note.velocity, settings.velocities)
        return replace(note, velocity=velocity, voice=note.voice if settings.voices > 1 else 0)

    # ------------------------------------------------------------------------------------------- numbers to notes

    def decode(self, numbers: Sequence[int], qpm: float = QPM) -> NoteSequence:
        """The piece of the tokens of `numbers`. START may be missing; without END the last token is the end.

        Raises:
            MusicError: a token that may not follow the one before; the message names both.
        """
        reader = Reader(self.settings)
        before = self.start
        for place, number in enumerate(numbers):
            if not 0 <= number < len(self):
                raise MusicError(f"Token {place} has number {number}; this encoding has {len(self)} tokens.")
            if place or number != self.start:
                if not self.follows[before, number]:
                    raise MusicError(
                        f"Token {place}, {self.tokens[number]}, can't follow {self.tokens[before]}."
                    )
                reader.take(self.tokens[number])
            before = number
        if before != self.end and not self.follows[before, self.end]:
            raise MusicError(f"The tokens end with {self.tokens[before]}, which means nothing alone.")
        return reader.piece(qpm)
