"""Numbers in written English, spelt out in words.

Where a number has more than one reading, this one is taken:

* `1100`-`1999` and `2010`-`2099` without a comma are years: `1990` → `nineteen ninety`, `1905` → `nineteen oh
  five`;
* other whole numbers are cardinals with `and`: `250` → `two hundred and fifty`, `1,990` → `one thousand nine
  hundred and ninety`;
* a leading zero or more than 12 digits means digit by digit: `007` → `zero zero seven`;
* `1st` → `first`; `1990s` → `nineteen nineties`; `3.14` → `three point one four`; `$5.50` → `five dollars and
  fifty cents`, `$5 million` → `five million dollars`;
* letters that touch a number are parted from it: `mp3` → `mp three`, `10am` → `ten am`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WHOLE = r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+"
_MONEY = re.compile(
    rf"([$£€¥]) ?({_WHOLE})(?:\.([0-9]+))?(?: (hundred|thousand|million|billion|trillion)\b)?"
)
_NUMBER = re.compile(
    rf"(?P<whole>{_WHOLE})(?:'?(?P<ordinal>st|nd|rd|th)\b|(?P<plural>'?s)\b|(?P<parts>(?:\.[0-9]+)+))?"
)
_BARE_FRACTION = re.compile(r"(?<![a-z0-9.])\.(?=[0-9])")
_FEET = re.compile(r"(?<=[0-9])'(?!(?:s|st|nd|rd|th)\b)")
_COINS = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "sen")}
_IRREGULAR = {"penny": "pence", "yen": "yen", "sen": "sen", "six": "sixes"}
_MOST_DIGITS = 12


def spell_out(text: str) -> str:
    """`text` (lower case) with every number in words.

    >>> " ".join(spell_out("on the 21st, $2.50 for 1990s mp3s").split())
    'on the twenty first , two dollars and fifty cents for nineteen nineties mp threes'
    """
    text = _FEET.sub(" ", _MONEY.sub(_money, text))
    return _NUMBER.sub(_number, _BARE_FRACTION.sub(" point ", text))


def cardinal(digits: str) -> str:
    """A whole number in words; `digits` may hold thousands commas."""
    plain = digits.replace(",", "")
    if len(plain) > _MOST_DIGITS or (len(plain) > 1 and plain.startswith("0")):
        return " ".join(words(d, "cardinal") for d in plain)
    is_year = plain == digits and len(plain) == 4 and ("1100" <= plain <= "1999" or "2010" <= plain <= "2099")
    return words(plain, "year" if is_year else "cardinal")


def _number(match: re.Match[str]) -> str:
    whole = match["whole"]
    if match["ordinal"]:
        plain = whole.replace(",", "")
        return f" {words(plain, 'ordinal') if len(plain) <= _MOST_DIGITS else cardinal(whole)} "
    if match["plural"]:
        return f" {_plural(cardinal(whole))} "
    if match["parts"]:
        return f" {_fraction(whole, match['parts'])} "
    return f" {cardinal(whole)} "


def _fraction(whole: str, parts: str) -> str:
    """`3` and `.14` → `three point one four`; further parts (a version number) go on in the same way."""
    # `1990.5` is no year, so the whole part is always a cardinal.
    spoken = [words(whole.replace(",", "")[:_MOST_DIGITS], "cardinal")]
    for part in parts[1:].split("."):
        spoken += ["point", *(words(d, "cardinal") for d in part)]
    return " ".join(spoken)


def _money(match: re.Match[str]) -> str:
    symbol, whole, cents, scale = match.groups()
    coin, small = _COINS[symbol]
    amount = cardinal(_grouped(whole)) if not cents else _fraction(whole, f".{cents}")
    if scale:
        return f" {amount} {scale} {_plural(coin)} "
    if cents and len(cents) == 2:
        dollars = f"{cardinal(_grouped(whole))} {_counted(coin, whole)}"
        change = cents.lstrip("0")
        if whole == "0" and change:
            return f" {cardinal(change)} {_counted(small, change)} "
        return f" {dollars} and {cardinal(change)} {_counted(small, change)} " if change else f" {dollars} "
    return f" {amount} {_counted(coin, whole if not cents else 'many')} "


def _grouped(whole: str) -> str:
    """The same number with a comma, so that a price is never read as a year."""
    plain = whole.replace(",", "")
    return f"{plain[:-3]},{plain[-3:]}" if len(plain) == 4 and plain[0] != "0" else plain


def _counted(noun: str, count: str) -> str:
    return noun if count == "1" else _plural(noun)


def _plural(words: str) -> str:
    head, _, last = words.rpartition(" ")
    last = _IRREGULAR[last] if last in _IRREGULAR else f"{last[:-1]}ies" if last.endswith("y") else f"{last}s"
    return f"{head} {last}".strip()


@lru_cache(maxsize=4096)
def words(digits: str, kind: str) -> str:
    from num2words import (
        num2words,
    )  # here, because it takes a tenth of a second that most commands don't need

    return str(num2words(int(digits), to=kind, lang="en")).replace("-", " ").replace(",", "")
