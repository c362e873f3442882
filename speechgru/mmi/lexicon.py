"""Words and all ways to say them, in phones: 0 is silence, then the 39 of CMUdict without stress."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from speechgru.lexicon import dictionary, g2p
from speechgru.lexicon.g2p import Pronouncer

SILENCE = 0
SILENCE_NAME = "SIL"
Phones = tuple[int, ...]


@dataclass
class Lexicon:
    """Pronunciations of words, the dictionary's first one first.

    phones: names, silence first. words: what is known. `pronouncer` has the others, where it can. rest: gives the
    lexicon to ask where a word isn't known yet, which is loaded then.
    """

    phones: tuple[str, ...]
    words: dict[str, tuple[Phones, ...]]
    pronouncer: Pronouncer | None = None
    rest: Callable[[], Lexicon] | None = None

    def pronounce(self, word: str) -> tuple[Phones, ...]:
        """All ways to say a word, none where it has no pronunciation."""
        if word not in self.words and self.rest:
            rest, self.rest = self.rest(), None
            self.words, self.pronouncer = rest.words | self.words, rest.pronouncer
        if word not in self.words:
            phones = self.pronouncer.word(word) if self.pronouncer else None
            self.words[word] = (_shifted(phones),) if phones else ()
        return self.words[word]


def packaged(name: str = "english") -> Lexicon:
    """The dictionary that comes with the package, with all its variants, and its grapheme-to-phoneme model."""
    pronouncer = g2p.packaged(name)
    phones = (SILENCE_NAME, *pronouncer.phones[1:])
    lines = dictionary.lines(dictionary.packaged()[name])
    return Lexicon(phones, _variants(lines, phones), pronouncer)


def _shifted(phones: Iterable[int]) -> Phones:
    """Phones from a dictionary's numbers, which count the space between words and CTC's blank too."""
    return tuple(phone - dictionary.SPACE_ID for phone in phones)


def _variants(lines: Iterable[str], phones: tuple[str, ...]) -> dict[str, tuple[Phones, ...]]:
    """All pronunciations in the lines of a dictionary, without stress and without doubles.

    >>> _variants(["a AH0", "a(2) EY1", "a(3) AH1"], ("SIL", "AH", "EY"))
    {'a': ((1,), (2,))}
    """
    number = {name: i for i, name in enumerate(phones)}
    variants: dict[str, list[Phones]] = {}
    for line in lines:
        if line.startswith(";;;") or not line.strip():
            continue
        word, *names = line.partition("#")[0].split()
        word = word.partition("(")[0].lower() if not word.startswith("(") else word.lower()
        spoken = tuple(number[name.rstrip("012")] for name in names)
        ways = variants.setdefault(word, [])
        if spoken not in ways:
            ways.append(spoken)
    return {word: tuple(ways) for word, ways in variants.items()}
