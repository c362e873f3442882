"""What a musician asks for: key, scale, range, tempo, length, a beginning."""

from __future__ import annotations

import re
from dataclasses import dataclass

from speechgru.errors import MusicError
from speechgru.music.score.notes import QPM, KeyChange, Metre, NoteSequence
from speechgru.music.score.scales import FREE, Scale

BARS = 16
"""Of a piece whose length nobody gives, if the model doesn't know where pieces end."""
MOST_STEPS = 100_000
SLOWEST, FASTEST = 4.0, 1000.0
_COMMON = Metre(0.0, 4, 4)


@dataclass(frozen=True)
class Request:
    """What a piece should be like; all have a default. `steps` or `bars`, beginning included, 0: see BARS."""

    steps: int = 0
    bars: int = 0
    temperature: float | None = None
    """None: the composer's own."""
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    scale: Scale = FREE
    metre: Metre | None = None
    qpm: float | None = None
    """Quarter notes a minute; None: those of the primer, else QPM."""
    lowest: int = 0
    highest: int = 127
    primer: NoteSequence | None = None

    def __post_init__(self) -> None:
        if min(self.steps, self.bars) < 0 or (self.steps and self.bars):
            raise MusicError(f"Got {self.steps} steps and {self.bars} bars; expected one of them, above 0.")
        if max(self.steps, self.bars) > MOST_STEPS:
            raise MusicError(
                f"A piece may have up to {MOST_STEPS} steps or bars; got {max(self.steps, self.bars)}."
            )
        if not SLOWEST <= self.tempo <= FASTEST:
            raise MusicError(
                f"Got a tempo of {self.tempo:g} quarter notes a minute; expected {SLOWEST:g} to {FASTEST:g}."
            )

    @property
    def tempo(self) -> float:
        """Quarter notes a minute."""
        if self.qpm is not None:
            return self.qpm
        return self.primer.tempos[0].qpm if self.primer else QPM


def metre(text: str) -> Metre:
    """Bars as `6/8` says.

    Raises:
        MusicError: it says nothing of the kind.
    """
    match = re.fullmatch(r"(\d{1,3})/(\d{1,2})", text.strip())
    if not match:
        raise MusicError(f"{text!r} is no metre. Expected one like 4/4 or 6/8.")
    return Metre(0.0, int(match[1]), int(match[2]))


def keys_of(request: Request) -> tuple[KeyChange, ...]:
    """The key that is asked for, else the first that the primer names; none where there is neither."""
    if request.scale.key:
        return (KeyChange(0.0, request.scale.key),)
    return request.primer.keys[:1] if request.primer else ()


def metre_of(request: Request) -> Metre:
    """The metre that is asked for, else the primer's first one, else 4/4."""
    given = request.primer.metres[:1] if request.primer else ()
    return request.metre or (given[0] if given else _COMMON)
