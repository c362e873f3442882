"""Which of a file's audio tracks is meant."""

from __future__ import annotations

from speechgru.errors import AudioError


class Track(str):
    """A path, with the audio track that is to be read of it; taken wherever a path is.

    `number` counts audio tracks from 1. Without one, the first is read.
    """

    number: int

    def __new__(cls, path: object, number: int) -> Track:
        """`path` as a string; `number` 1 or more."""
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise AudioError(f"track {number!r}; expected a whole number from 1 up.", source=path)
        made = super().__new__(cls, str(path))
        made.number = number
        return made

    def __getnewargs__(self) -> tuple[str, int]:  # type: ignore[override]
        return str(self), self.number


def number_of(source: object) -> int | None:
    """The track that `source` names; None where it names none."""
    return source.number if isinstance(source, Track) else None


class MissingTrackError(AudioError):
    """A track that a file lacks: its number, and how many there are."""

    def __init__(self, number: int, count: int, message: str = "", *, source: object = "") -> None:
        super().__init__(message or f"no track {number}", source=source)
        self.number, self.count = number, count


def missing(name: str, number: int, count: int) -> MissingTrackError:
    """The error that names the tracks of `name`."""
    has = "one audio track" if count == 1 else f"{count} audio tracks"
    advice = "Leave the track out" if count == 1 else f"Choose one from 1 to {count}"
    return MissingTrackError(number, count, f"{name} has {has}; got track {number}. {advice}.", source=name)
