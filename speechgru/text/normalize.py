"""Normalisation of texts before errors are counted: by language, and named with every error rate.

- `english-1`: see speechgru.text.english. For models whose characters are a-z and the apostrophe.
- `unicode-1`: for every other alphabet. Compatibility forms are composed (NFKC) and case is folded; apostrophes stay
  inside words; letters, their marks and digits of any script stay; all else (punctuation, symbols) is a gap between
  words, and invisible format characters are left out. Accents stay: they part words in most languages. Numbers are not
  spelt out.

A model's language decides, and where its file states none its symbols: a model that has no more characters than
english-1 keeps is then scored by english-1.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from speechgru.text import english as english_
from speechgru.text import languages as language_codes


@dataclass(frozen=True)
class Normaliser:
    """A name, a function that normalises a text (twice is the same as once), and one that returns the characters of a
    text that are lost although they are spoken."""

    name: str
    plain: Callable[[str], str]
    lost: Callable[[str], set[str]]

    def __call__(self, written: str) -> str:
        return self.plain(written)


def unicode_plain(written: str) -> str:
    """`unicode-1`: lower case, letters and digits of any script, apostrophes inside words, single spaces.

    >>> unicode_plain("«Là-bas», dit-il : l’Été 2024 !")
    "là bas dit il l'été 2024"
    >>> unicode_plain("Ｓtraße, Москва́; Ёлка.")
    'strasse москва́ ёлка'
    """
    folded = unicodedata.normalize("NFKC", written.translate(english_.APOSTROPHES))
    # Folding can bring out what composes, and composing what folds: three rounds settle every character of Unicode.
    for _ in range(3):
        folded = unicodedata.normalize("NFKC", folded.casefold().translate(english_.APOSTROPHES))
    kept = "".join(c if c == "'" or _is_spoken(c) else english_.gap(c) for c in folded)
    return " ".join(unicodedata.normalize("NFKC", english_.without_outer_apostrophes(kept)).split())


def _is_spoken(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _symbols(written: str) -> set[str]:
    """Currency, per cent and their like."""
    return {c for c in written if unicodedata.category(c)[0] == "S" or c in "%&@#"} - set(
        english_.APOSTROPHES_LIKE
    )


ENGLISH = Normaliser(english_.NORMALISER, english_.normalise, english_.unsupported_characters)
UNICODE = Normaliser("unicode-1", unicode_plain, _symbols)
NAMES = {each.name: each for each in (ENGLISH, UNICODE)}


def normaliser_for(symbols: Iterable[str], languages: Iterable[str] = ()) -> Normaliser:
    """The normaliser for a model with these symbols; those of more than one character (the blank) don't count.

    Args:
        languages: codes of the model's languages; none where they aren't known.

    >>> normaliser_for(["<blank>", " ", "a", "z"]).name, normaliser_for(["<blank>", " ", "a", "é"]).name
    ('english-1', 'unicode-1')
    >>> normaliser_for(["<blank>", " ", "a", "z"], ["id"]).name
    'unicode-1'
    """
    single = [symbol for symbol in symbols if len(symbol) == 1]
    english = all(english_.is_english(symbol) for symbol in single)
    return ENGLISH if english and all(map(language_codes.is_english, languages)) else UNICODE
