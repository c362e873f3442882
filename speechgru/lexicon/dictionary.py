"""Pronouncing dictionaries in the format of CMUdict: the phones of words, for a phone head beside the characters'.

A line is a word and its phones, separated by spaces: `cat K AE1 T`. Further pronunciations of a word are numbered,
`either(2)`; comments begin with `;;;` or with `#`. Digits behind a phone (stress) are left out.
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
SPACE_ID = 1
_VARIANT = re.compile(r"\(\d+\)$")
_STRESS = "0123456789"


@dataclass(frozen=True)
class Dictionary:
    """The first pronunciation of each word, as numbers of `phones` counted from 1 (0 is CTC's blank).

    The first of `phones` is the space between words.
    """

    phones: tuple[str, ...]
    words: dict[str, tuple[int, ...]]

    def pronounce(self, text: str) -> list[int] | None:
        """The phones of a normalised text, a space between words; None where a word is not known."""
        return pronounced(text, self.words.get)


def pronounced(text: str, pronounce: Callable[[str], tuple[int, ...] | None]) -> list[int] | None:
    """The phones of a normalised text by those of its words, a space between words; None where a word has none."""
    labels: list[int] = []
    for word in text.split():
        phones = pronounce(word)
        if phones is None:
            return None
        labels += [SPACE_ID, *phones]
    return labels[1:]


def packaged() -> dict[str, Path]:
    """The dictionaries that come with the package, by name."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(ASSETS.glob(f"*{SUFFIX}"))}


def load(path: Path) -> Dictionary:
    """The dictionary in a file, gzipped or not.

    Raises:
        CorpusError: the file can't be read, or a line isn't a word with its phones.
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


def parse(lines: Iterable[str], source: str) -> Dictionary:
    """The dictionary of some lines. `source` is named in error messages.

    Raises:
        CorpusError: a line isn't a word with its phones.

    >>> parse(["cat K AE1 T", "a AH0", "a(2) EY1"], "x").words["cat"]
    (4, 2, 5)
    """
    entries: dict[str, list[str]] = {}
    # Phones with their stress: there are few, so that it is taken off each of them only once.
    stressed: set[str] = set()
    for number, line in enumerate(lines, start=1):
        entry = [] if line.startswith(";;;") else line.partition("#")[0].split()
        if not entry:
            continue
        word, *phones = entry
        if not phones:
            raise CorpusError(
                f"{source}, line {number}: {line!r} is no word with its phones, like 'cat K AE1 T'."
            )
        if "(" in word:
            word = _VARIANT.sub("", word)
        word = word.lower()
        if word not in entries:
            entries[word] = phones
            stressed.update(phones)
    plain = {phone: phone.rstrip(_STRESS) for phone in stressed}
    names = (SPACE, *sorted(set(plain.values())))
    number_of = {phone: names.index(plain[phone]) + 1 for phone in stressed}
    return Dictionary(
        names, {word: tuple(map(number_of.__getitem__, phones)) for word, phones in entries.items()}
    )


def variants(lines: Iterable[str], phones: tuple[str, ...]) -> dict[str, tuple[tuple[int, ...], ...]]:
    """All pronunciations of the words that have more than one, as numbers of `phones` counted from 1.

    >>> variants(["a AH0", "a(2) EY1", "cat K AE1 T"], (" ", "AE", "AH", "EY", "K", "T"))
    {'a': ((3,), (4,))}
    """
    number = {name: i for i, name in enumerate(phones, start=1)}
    every: dict[str, list[tuple[int, ...]]] = {}
    numbered: set[str] = set()
    for line in lines:
        word, *names = line.partition("#")[0].split() or ("",)
        plain = _VARIANT.sub("", word).lower()
        if line.startswith(";;;") or not names:
            continue
        if plain != word.lower():
            numbered.add(plain)
        every.setdefault(plain, []).append(tuple(number[name.rstrip(_STRESS)] for name in names))
    return {word: tuple(dict.fromkeys(every[word])) for word in numbered}
