"""Transcript normalisation for English. Others: speechgru.text.normalize.

Conventions of the normaliser `english-1` (its name is reported with every error rate):

* the result holds `a`-`z`, the apostrophe and single spaces, nothing else;
* accents are folded (`café` → `cafe`), curly quotes and dashes become plain ones, a hyphen is a space;
* numbers are spelt out, see `speechgru.text.numbers` (`1990` → `nineteen ninety`, `$5` → `five dollars`);
* abbreviations are left as they are written: `Mr.` → `mr`, `A.M` → `a m`;
* `&` → `and`, `%` → `percent`, `+` → `plus`, `=` → `equals`, `@` → `at`, `°` → `degrees`;
* an apostrophe stays inside a word, at its end (`dogs'`, `goin'`), and before a known short form (`'em`,
  `'tis`); paired single quotes around words go;
* any other character (other scripts, `#`, `*`, `[noise]`, a slash between digits) has no spoken form: `normalise`
  leaves it out, `unsupported_characters` lists it, and corpora drop such an utterance.
"""

from __future__ import annotations

import re
import string
import unicodedata

from speechgru.text import numbers

NORMALISER = "english-1"

_LETTERS = frozenset(string.ascii_lowercase)
_DIGITS = frozenset(string.digits)
APOSTROPHES = str.maketrans(dict.fromkeys("’‘‛ʼʻ′´`＇", "'"))
APOSTROPHES_LIKE = frozenset("’‘‛ʼʻ′´`＇'")
_OUTER_APOSTROPHE = re.compile(r"(?<!\w)'|'(?!\w)")
# Letters that Unicode doesn't decompose into a base letter and an accent.
_FOLDED = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
# "1/2" may be a half, a date or "one two": the fraction slash, which has no spoken form, marks it as open.
_FRACTION_SLASH = "⁄"
_OPEN_SLASH = re.compile(r"(?<=[0-9])/(?=[0-9])")
_MINUS = re.compile(r"(?<![^\s(])[-−](?=[0-9])")
_SPOKEN = {"&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at", "°": "degrees", "¢": "cents"}
_SILENT = re.compile(r"""[.,!?;:"()_|\\~\-‐‑‒–—―−…“”„‟«»‹›·•¡¿/]""")
_SHORT_FORMS = r"(?:em|tis|twas|twere|twill|til|till|cause|bout|round|neath|gainst|cos|cuz)\b"
_QUOTED = re.compile(rf"(?<![a-z])'(?!{_SHORT_FORMS})((?:[^']|(?<=[a-z])'(?=[a-z]))*)'(?![a-z])")
_LOOSE_APOSTROPHE = re.compile(rf"(?<![a-z])'(?!{_SHORT_FORMS})|'{{2,}}")


def normalise(text: str, spell_digits: bool = True) -> str:
    """The spoken form of `text` in `a`-`z`, apostrophe and single spaces.

    With `spell_digits=False`, `0`-`9` are kept too. Unsupported characters are left out; see
    `unsupported_characters`. Normalising twice gives the same as once.

    >>> normalise("Mr. O’Neill paid $5 on the 1st, at 9 A.M.")
    "mr o'neill paid five dollars on the first at nine a m"
    """
    allowed = _LETTERS | {"'", " "} | (frozenset() if spell_digits else _DIGITS)
    plain = "".join(c if c in allowed else " " for c in _plain(text, spell_digits))
    # Leaving something out can strand an apostrophe, so the quotes are looked at once more.
    return " ".join(_without_quotes(plain).split())


def unsupported_characters(text: str, spell_digits: bool = True) -> set[str]:
    """The characters of `text` that `normalise` leaves out though they may be spoken; empty for plain English.

    With `spell_digits=False` digits are among them.

    >>> sorted(unsupported_characters("press # or 世"))
    ['#', '世']
    """
    left = set(_plain(text, spell_digits)) - _LETTERS - {"'", " "}
    return {c for c in text if left & set(_fold(c))} or {"/" if c == _FRACTION_SLASH else c for c in left}


def letters(text: str) -> str:
    """`text` of any language: lower case, composed (NFC), letters with their marks, apostrophes inside words,
    single spaces; all else left out. Accents stay, and numbers are not spelt out: see `unreadable`.

    >>> letters("«Là-bas», dit-il : l’été !")
    "là bas dit il l'été"
    """
    lowered = unicodedata.normalize("NFC", text.translate(APOSTROPHES).lower())
    kept = "".join(c if c == "'" or unicodedata.category(c)[0] in "LM" else gap(c) for c in lowered)
    return " ".join(without_outer_apostrophes(kept).split())


def unreadable(text: str) -> set[str]:
    """The characters of `text` that are spoken, but not as `letters` can write it: digits and symbols.

    >>> sorted(unreadable("5 € à gauche…"))
    ['5', '€']
    """
    return {c for c in text if unicodedata.category(c)[0] in "NS" and c not in APOSTROPHES_LIKE}


def without_outer_apostrophes(text: str) -> str:
    """`text` with the apostrophes left that stand between letters or digits."""
    return _OUTER_APOSTROPHE.sub(" ", text)


def is_english(symbol: str) -> bool:
    """Whether `symbol` is one that `normalise` can leave: a-z, an apostrophe, a space, or a digit."""
    return symbol in _LETTERS or symbol in _DIGITS or symbol in {"'", " "}


def gap(character: str) -> str:
    """What stands for a character that is left out: nothing for an invisible one, else a space."""
    return "" if unicodedata.category(character) == "Cf" else " "


def _plain(text: str, spell_digits: bool) -> str:
    """`text` in the normaliser's characters, unsupported ones still inside."""
    folded = _OPEN_SLASH.sub(_FRACTION_SLASH, _MINUS.sub(" minus ", _fold(text)))
    if spell_digits:
        folded = numbers.spell_out(folded)
    for symbol, word in _SPOKEN.items():
        folded = folded.replace(symbol, f" {word} ")
    return " ".join(_without_quotes(_SILENT.sub(" ", folded)).split())


def _without_quotes(text: str) -> str:
    """Single quotes taken away, apostrophes left."""
    return _LOOSE_APOSTROPHE.sub(" ", _QUOTED.sub(r" \1 ", text))


def _fold(text: str) -> str:
    """Lower case, without accents, invisible characters and curly apostrophes; white space as spaces."""
    # Twice: lower-casing can bring out a new accent (İ), and decomposing can bring out capitals (™).
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text.translate(APOSTROPHES)).casefold()
    return "".join(_visible(c) for c in text.translate(_FOLDED))


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("M") or category == "Cf":
        return ""
    return " " if category in ("Cc", "Zs", "Zl", "Zp") else character
