"""Notes to tokens and back (see tokens.py): a writer and a reader that keep the same clock."""

from __future__ import annotations

import math

from speechgru.errors import MusicError
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import MAX_BEATS, KeyChange, Metre, Note, NoteSequence, Tempo
from speechgru.music.score.token_vocabulary import (
    VELOCITY,
    Settings,
    bin_velocity,
    rounded_velocity,
    velocity_bin,
)


class Clock:
    """Time in steps, and the bar lines on the way."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = 0
        self._origin = 0  # a bar line, where the metre began
        self._last_line = -1  # the last one that has its token
        self.bar = 4 * settings.steps_per_beat  # its length

    @property
    def line(self) -> int:
        """The next bar line without a token: now or later."""
        first = max(self.now, self._last_line + 1)
        return self._origin + math.ceil((first - self._origin) / self.bar) * self.bar

    def next_bar(self) -> None:
        """Move to the next bar line."""
        self.now = self._last_line = self.line

    def metre(self, numerator: int, unit: int) -> None:
        """Bars begin anew here."""
        self._origin, self._last_line = self.now, self.now - 1
        self.bar = 4 * self.settings.steps_per_beat * numerator // unit


class Writer:
    """Notes to tokens, in the order of time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tokens = ["START"]
        self._clock = Clock(settings)
        self._voice = self._velocity = -1

    def change(self, time: int, metre: Metre | None, key: Key | None) -> None:
        """A change of metre and one of key at `time`, if any."""
        if metre is None and key is None:
            return
        self._bars(time)
        self._shift(time)
        if metre is not None:
            self.tokens += [f"METRE {metre.numerator}", f"UNIT {metre.denominator}"]
            self._clock.metre(metre.numerator, metre.denominator)
        if key is not None:
            self.tokens += [f"SIGNATURE {key.fifths}", f"MODE {key.mode}"]

    def advance(self, time: int) -> None:
        """Move on to `time`, a bar line there included."""
        self._bars(time + 1)
        self._shift(time)

    def note(self, note: Note, steps: int) -> None:
        """A note that begins now and lasts `steps`."""
        if self.settings.voices > 1 and note.voice != self._voice:
            self.tokens.append(f"VOICE {note.voice}")
            self._voice = note.voice
        if self.settings.velocities:
            velocity = velocity_bin(note.velocity, self.settings.velocities)
            if velocity != self._velocity:
                self.tokens.append(f"VELOCITY {velocity}")
            self._velocity = velocity
        self.tokens.append(f"NOTE {note.pitch}")
        self._long("DURATION", steps)

    def end(self, length: int) -> None:
        """Silence up to `length`, and the end."""
        self._bars(length)
        self._shift(length)
        self.tokens.append("END")

    def _bars(self, before: int) -> None:
        """The bar lines before the step `before`."""
        while self.settings.bars and self._clock.line < before:
            self._clock.next_bar()
            self.tokens.append("BAR")

    def _shift(self, time: int) -> None:
        self._long("SHIFT", time - self._clock.now)
        self._clock.now = time

    def _long(self, token: str, steps: int) -> None:
        whole, rest = divmod(steps, self.settings.longest)
        self.tokens += [f"{token} {self.settings.longest}"] * whole + [f"{token} {rest}"] * (rest > 0)


class Reader:
    """Tokens to notes."""

    def __init__(self, settings: Settings) -> None:
        self._clock = Clock(settings)
        self._voice = self._pending = 0
        self._velocity = rounded_velocity(VELOCITY, settings.velocities)
        self._notes: list[tuple[int, int, int, int, int]] = []  # start, pitch, steps, velocity, voice
        self._keys: dict[int, Key] = {}
        self._metres: dict[int, tuple[int, int]] = {}

    def take(self, token: str) -> None:
        """One token that may follow the last."""
        kind, _, value = token.partition(" ")
        clock, per_beat = self._clock, self._clock.settings.steps_per_beat
        if kind == "NOTE":
            self._notes.append((clock.now, int(value), 0, self._velocity, self._voice))
        elif kind == "DURATION":
            start, pitch, steps, velocity, voice = self._notes[-1]
            self._notes[-1] = (start, pitch, steps + int(value), velocity, voice)
        elif kind == "SHIFT":
            clock.now += int(value)
        elif kind == "BAR":
            clock.next_bar()
        elif kind == "VOICE":
            self._voice = int(value)
        elif kind == "VELOCITY":
            self._velocity = bin_velocity(int(value), clock.settings.velocities)
        elif kind in ("METRE", "SIGNATURE"):
            self._pending = int(value)
        elif kind == "UNIT":
            clock.metre(self._pending, int(value))
            self._metres[clock.now] = (self._pending, int(value))
        elif kind == "MODE":
            self._keys[clock.now] = Key.of(self._pending, value)
        if clock.now > per_beat * MAX_BEATS:
            raise MusicError("The tokens make a piece that is too long.")

    def piece(self, qpm: float) -> NoteSequence:
        """The piece of all tokens."""
        per_beat = self._clock.settings.steps_per_beat
        return NoteSequence(
            tuple(
                Note(start / per_beat, pitch, (start + steps) / per_beat, velocity, voice)
                for start, pitch, steps, velocity, voice in self._notes
            ),
            (Tempo(0.0, qpm),),
            tuple(KeyChange(time / per_beat, key) for time, key in self._keys.items()),
            tuple(Metre(time / per_beat, *metre) for time, metre in self._metres.items()),
            self._clock.now / per_beat,
        )
