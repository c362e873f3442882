"""Pronouncing dictionaries in the format of CMUdict: how words sound, for a head that learns sounds beside letters.

A line is a word and its sounds, apart by spaces: `cat K AE1 T`. Further ways to say a word are numbered, `either(2)`;
comments begin with `;;;` or, behind an entry, with `#`. Digits behind a sound (stress) are left out.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from speechgru.errors import CorpusError
from speechgru.text.vocabulary import SPACE
from speechgru.utils.assets import ASSETS

SUFFIX = ".dict.gz"
GAP = 1  # the number of the space
_VARIANT = re.compile(r"\(\d+\)$")
_STRESS = "0123456789"


@dataclass(frozen=True)
class Dictionary:
    """Words and how they are said: the first way of each, as numbers of `sounds` counted from 1 (0 is CTC's blank).

    The first of `sounds` is the space between words.
    """

    sounds: tuple[str, ...]
    words: dict[str, tuple[int, ...]]

    def say(self, text: str) -> list[int] | None:
        """The sounds of a normalised text, a space between words; None where a word is not known."""
        return joined(text, self.words.get)


def joined(text: str, say: Callable[[str], tuple[int, ...] | None]) -> list[int] | None:
    """The sounds of a normalised text whose words are said by `say`, a space between words; None where one can't be."""
    said: list[int] = []
    for word in text.split():
        sounds = say(word)
        if sounds is None:
            return None
        said += [GAP, *sounds]
    return said[1:]


def packaged() -> dict[str, Path]:
    """The dictionaries that come with the package, by name."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(ASSETS.glob(f"*{SUFFIX}"))}


def load(path: Path) -> Dictionary:
    """The dictionary in a file, gzipped or not.

    Raises:
        CorpusError: the file can't be read, or a line isn't a word with its sounds.
    """
    return parse(lines(path), str(path))


def lines(path: Path) -> list[str]:
    """The lines of a dictionary's file, gzipped or not.

    Raises:
        CorpusError: the file can't be read.
    """
    try:
        packed = path.read_bytes()
        return (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CorpusError(
            f"The pronouncing dictionary {path} can't be read: {error}. Expected a file like CMUdict, or one of: "
            f"{', '.join(packaged())}."
        ) from error


def parse(lines: Iterable[str], where: str) -> Dictionary:
    """The dictionary of some lines; `where` they are from, for messages.

    >>> parse(["cat K AE1 T", "a AH0", "a(2) EY1"], "x").words["cat"]
    (4, 2, 5)
    """
    entries: dict[str, list[str]] = {}
    # Sounds as they are written: there are few, so stress is taken off each of them only once.
    marked: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if line.startswith(";;;") or not line.strip():
            continue
        word, *said = line.partition("#")[0].split()
        if not said:
            raise CorpusError(
                f"{where}, line {number}: {line!r} is no word with its sounds, like 'cat K AE1 T'."
            )
        if "(" in word:
            word = _VARIANT.sub("", word)
        word = word.lower()
        if word not in entries:
            entries[word] = said
            marked.update(said)
    plain = {sound: sound.rstrip(_STRESS) for sound in marked}
    sounds = (SPACE, *sorted(set(plain.values())))
    number_of = {sound: sounds.index(plain[sound]) + 1 for sound in marked}
    return Dictionary(
        sounds, {word: tuple(map(number_of.__getitem__, said)) for word, said in entries.items()}
    )
