"""What is wrong in MIDI files that can be read all the same."""

from __future__ import annotations

from dataclasses import dataclass, fields

_TEXTS = {
    "hanging": ("note never released", "notes never released"),
    "empty": ("note of no length left out", "notes of no length left out"),
    "stray": ("release of a note that isn't held", "releases of notes that aren't held"),
    "senseless": ("senseless tempo, key or metre left out", "senseless tempos, keys or metres left out"),
    "clipped": ("data byte above 127 taken as 127", "data bytes above 127 taken as 127"),
    "unknown": ("chunk of an unknown kind skipped", "chunks of an unknown kind skipped"),
    "absent": ("track less than the file says", "tracks less than the file says"),
    "wrapped": ("RIFF file around it taken off", "RIFF files around it taken off"),
}


@dataclass(frozen=True)
class Oddities:
    """What was wrong in a file, and what was made of it: how often.

    `hanging` notes were never released and end with their track. `empty` ones end when they begin and are left out,
    and so are `stray` releases of a note that isn't held, and `senseless` tempos, keys and metres. `clipped` data bytes
    were above 127, which they are taken as. `unknown` chunks are no tracks and are skipped. `absent` tracks are in the
    header's count, but not there. `wrapped`: the MIDI file lies in a RIFF file (RMID).
    """

    hanging: int = 0
    empty: int = 0
    stray: int = 0
    senseless: int = 0
    clipped: int = 0
    unknown: int = 0
    absent: int = 0
    wrapped: int = 0

    def __add__(self, other: Oddities) -> Oddities:
        return Oddities(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        """For people: `2 notes never released, 1 chunk of an unknown kind skipped`."""
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        return ", ".join(f"{n} {_TEXTS[name][n > 1]}" for name, n in counts.items() if n)
