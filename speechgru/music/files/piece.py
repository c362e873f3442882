"""What the corpora of music share: pieces, places, and the account of what is left out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from speechgru.errors import CorpusError, MusicError
from speechgru.music.score.notes import NoteSequence
from speechgru.music.score.piano_roll import Roll, from_roll, to_roll
from speechgru.utils import walk

_NAMED = 5
_log = logging.getLogger("speechgru")


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of a corpus, given as a roll on `steps_per_beat` or as notes; it can be had as both."""

    id: str
    steps_per_beat: int
    given: Roll | NoteSequence

    @cached_property
    def roll(self) -> Roll:
        """[steps, 88] of 0 and 1; what a roll doesn't hold is gone (`piano_roll.losses`)."""
        return (
            to_roll(self.given, self.steps_per_beat) if isinstance(self.given, NoteSequence) else self.given
        )

    @cached_property
    def notes(self) -> NoteSequence:
        """Notes with all that is known about them; made from a roll they have a default tempo and velocity."""
        return (
            self.given if isinstance(self.given, NoteSequence) else from_roll(self.given, self.steps_per_beat)
        )


def require(path: str | Path, corpus: str, expected: str) -> Path:
    """`path`, if it is there.

    Raises:
        CorpusError: it isn't; the message says what was expected and how to pass the place.
    """
    path = Path(path)
    if path.exists():
        return path
    raise CorpusError(f"{corpus}: {path} is missing. Expected {expected}. {_PLACE}")


def nothing_found(path: Path, corpus: str, expected: str) -> CorpusError:
    """The error for a root that exists but holds nothing of the corpus."""
    return CorpusError(f"{corpus}: found nothing in {path}. Expected {expected}. {_PLACE}")


_PLACE = "Give the right place with corpus.root=PATH."


def files_below(root: Path, extensions: Iterable[str]) -> list[Path]:
    """Files under the folder `root` (or `root` itself) with one of `extensions`, in any case, sorted; none hidden."""
    wanted = {extension.lower() for extension in extensions}
    return [
        path for path in walk.files(root) if path.suffix.lower() in wanted and not path.name.startswith(".")
    ]


def read_each(
    paths: Iterable[Path], read: Callable[[Path], NoteSequence], corpus: str
) -> list[tuple[Path, NoteSequence]]:
    """Read every file that can be read; those that can't are counted and named on the log."""
    pieces, refused = [], []
    for path in paths:
        try:
            pieces.append((path, read(path)))
        except MusicError as error:
            refused.append(str(error))
    account(corpus, "files", refused)
    return pieces


def account(corpus: str, what: str, refused: list[str]) -> None:
    """Say on the log what was left out: how many, and the first few by name."""
    if refused:
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        _log.warning(
            "%s: left out %d %s:\n%s%s", corpus, len(refused), what, "\n".join(refused[:_NAMED]), more
        )


def split_of(name: str, dev: float = 0.1, test: float = 0.1) -> str:
    """`train`, `dev` or `test` by a hash of `name`: the same on every machine, whatever else is in the corpus."""
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return "test" if place < test else "dev" if place < test + dev else "train"
