"""What is wrong in MIDI files that can be read all the same."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, fields


def _count(one: str, several: str) -> int:
    count: int = field(default=0, metadata={"one": one, "several": several})
    return count


@dataclass(frozen=True)
class Oddities:
    """What was wrong in a file, and what was made of it: how often.

    `hanging` notes were never released and end with their track. `empty` ones end when they begin and are left out,
    and so are `stray` releases of a note that isn't held, and `senseless` tempos, keys and metres. `clipped` data bytes
    were above 127, which they are taken as. `unknown` chunks are no tracks and are skipped. `absent` tracks are in the
    header's count, but not there. `wrapped`: the MIDI file lies in a RIFF file (RMID).
    """

    hanging: int = _count("note never released", "notes never released")
    empty: int = _count("note of no length left out", "notes of no length left out")
    stray: int = _count("release of a note that isn't held", "releases of notes that aren't held")
    senseless: int = _count(
        "senseless tempo, key or metre left out", "senseless tempos, keys or metres left out"
    )
    clipped: int = _count("data byte above 127 taken as 127", "data bytes above 127 taken as 127")
    unknown: int = _count("chunk of an unknown kind skipped", "chunks of an unknown kind skipped")
    absent: int = _count("track less than the file says", "tracks less than the file says")
    wrapped: int = _count("RIFF file around it taken off", "RIFF files around it taken off")

    def __add__(self, other: Oddities) -> Oddities:
        return Oddities(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))

    def __str__(self) -> str:
        """For people: `2 notes never released, 1 chunk of an unknown kind skipped`."""
        counts = zip(astuple(self), fields(self), strict=True)
        return ", ".join(f"{n} {each.metadata['several' if n > 1 else 'one']}" for n, each in counts if n)
