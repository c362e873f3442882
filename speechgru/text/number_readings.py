"""The ways in which a number is read out, the likeliest first; `numbers` holds the single one that scoring takes.

All are in the normaliser's characters: `a`-`z` and single spaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, product

from speechgru.text import numbers
from speechgru.text.numbers import words

_MOST_DIGITS = 12
_ZEROS = ("zero", "oh", "nought")
_TIMES = {2: "double", 3: "triple"}
_FRACTIONS = {"1/2": "half", "1/4": "quarter", "3/4": "quarters", "1/3": "third", "2/3": "thirds"}
_EIGHT = 8  # digits of what may be read in pairs


def unique(readings: Iterable[str]) -> tuple[str, ...]:
    """`readings` with single spaces, in order, each once, none empty."""
    return tuple(dict.fromkeys(plain for reading in readings if (plain := " ".join(reading.split()))))


def whole(digits: str) -> tuple[str, ...]:
    """A whole number; commas as they are written.

    >>> whole("347")[:4]
    ('three hundred and forty seven', 'three hundred forty seven', 'three forty seven', 'three four seven')
    >>> whole("2016")[:4]
    ('twenty sixteen', 'two thousand and sixteen', 'two thousand sixteen', 'two zero one six')
    """
    plain = digits.replace(",", "")
    return unique([numbers.cardinal(digits), *_cardinals(plain), *_pairs(plain), *one_by_one(plain)])


def amount(digits: str) -> tuple[str, ...]:
    """A whole number that counts or measures: no digits one by one, no year."""
    plain = digits.replace(",", "")
    return unique(_cardinals(plain)) or (numbers.cardinal(digits),)


def one_by_one(digits: str) -> tuple[str, ...]:
    """Digit by digit: zero or oh, repeated ones as double and triple.

    >>> one_by_one("007")
    ('zero zero seven', 'oh oh seven', 'double zero seven', 'double oh seven', 'nought nought seven')
    """
    plain = [" ".join(words(d, "cardinal") if d != "0" else zero for d in digits) for zero in _ZEROS]
    return unique([*plain[:2], _doubled(digits, "zero"), _doubled(digits, "oh"), plain[2]])


def _doubled(digits: str, zero: str) -> str:
    spoken = []
    for digit, run in groupby(digits):
        name, count = words(digit, "cardinal") if digit != "0" else zero, len(list(run))
        spoken.append(f"{_TIMES[count]} {name}" if count in _TIMES else " ".join([name] * count))
    return " ".join(spoken)


def _cardinals(plain: str) -> Iterator[str]:
    """With and without `and`, `a hundred` for `one hundred`, hundreds above ten: fifteen hundred."""
    if len(plain) > _MOST_DIGITS or (len(plain) > 1 and plain.startswith("0")):
        return
    value = int(plain)
    spoken = words(plain, "cardinal")
    yield spoken
    yield spoken.replace(" and ", " ")
    if 1100 <= value <= 9999 and value // 100 % 10:
        hundreds = f"{words(str(value // 100), 'cardinal')} hundred"
        rest = words(str(value % 100), "cardinal") if value % 100 else ""
        yield f"{hundreds} {rest}"
        if rest:
            yield f"{hundreds} and {rest}"
    for scale in ("hundred", "thousand", "million"):
        if spoken.startswith(f"one {scale}"):
            yield spoken.replace("one", "a", 1)
            yield spoken.replace("one", "a", 1).replace(" and ", " ")


def _pairs(plain: str) -> Iterator[str]:
    """Two digits at a time, as in years, addresses and codes; the odd one first, or else last."""
    odd = len(plain) % 2
    if (
        not 3 <= len(plain) <= _EIGHT
        or int(plain) % 100000 == 0
        or any(plain[i : i + 2] == "00" for i in range(odd, len(plain) - 2, 2))
    ):
        return
    yield _in_groups([plain[:odd], *(plain[i : i + 2] for i in range(odd, len(plain), 2))])
    if odd and len(plain) > 3:
        yield _in_groups([plain[:3], *(plain[i : i + 2] for i in range(3, len(plain), 2))])
        yield _in_groups([*(plain[i : i + 2] for i in range(0, len(plain) - 1, 2)), plain[-1]])
    if len(plain) == 4 and plain[2:] == "00" and plain[1] == "0":
        yield words(plain, "cardinal")


def _in_groups(groups: Sequence[str]) -> str:
    return " ".join(_group(group, number > 0) for number, group in enumerate(groups) if group)


def _group(digits: str, follows: bool) -> str:
    if digits == "00":
        return "hundred" if follows else "zero zero"
    if len(digits) == 2 and digits[0] == "0":
        return f"oh {words(digits[1], 'cardinal')}"
    return words(digits, "cardinal") if digits[0] != "0" else one_by_one(digits)[0]


def year(digits: str) -> tuple[str, ...]:
    """A year, of four digits or, without its century, of two.

    >>> year("1905")[:3]
    ('nineteen oh five', 'nineteen hundred five', 'nineteen hundred and five')
    """
    if len(digits) == 2:
        centuries = [f"{century} {_group(digits, True)}" for century in ("nineteen", "twenty")]
        return unique([_group(digits, True), *centuries, *whole(digits)])
    counted = sorted(
        _cardinals(digits), key=lambda reading: "thousand" in reading
    )  # nineteen hundred and five first
    return unique([words(digits, "year"), *_pairs(digits), *counted, *one_by_one(digits)[:2]])


def ordinal(digits: str) -> tuple[str, ...]:
    """`21` → twenty first, the twenty first; `and` may be left out."""
    spoken = words(digits.replace(",", ""), "ordinal")
    plain = [spoken, spoken.replace(" and ", " ")]
    return unique([*plain, *(f"the {each}" for each in plain)])


def decimal(whole_part: str, parts: Sequence[str]) -> tuple[str, ...]:
    """`3`, `14` → three point one four; a version number has more parts.

    >>> decimal("2", ["5"])[:3]
    ('two point five', 'two and a half', 'two five')
    """
    heads = [*amount(whole_part)[:2], *one_by_one(whole_part)[:1]] if whole_part else [""]
    if whole_part == "0":
        heads = ["zero", "", "oh", "nought"]
    digits = [one_by_one(part)[:2] for part in parts]
    tails = [" ".join(f"point {part}" for part in choice) for choice in product(*digits)]
    halves = (
        {"5": "a half", "25": "a quarter", "75": "three quarters"}.get(parts[0]) if len(parts) == 1 else None
    )
    readings = [f"{head} {tail}" for tail in tails for head in heads]
    if len(parts) == 1 and parts[0][0] != "0":
        readings.append(f"{heads[0]} point {words(parts[0], 'cardinal')}" if len(parts[0]) < 4 else "")
    if halves:
        readings.insert(1, f"{heads[0]} and {halves}" if whole_part.strip("0") else halves)
    bare = " ".join(whole(part)[0] for part in parts)
    return unique([*readings, f"{heads[0]} {bare}", readings[0].replace("point", "dot")])


def fraction(upper: str, lower: str) -> tuple[str, ...]:
    """`1/2` → a half; `3/4` → three quarters, three fourths, three over four.

    >>> fraction("3", "4")[:2]
    ('three quarters', 'three fourths')
    """
    above, below = words(upper, "cardinal"), words(lower, "cardinal")
    readings = [
        f"{above} over {below}",
        f"{above} out of {below}",
        f"{above} slash {below}",
        f"{above} {below}",
    ]
    if lower not in ("0", "1"):
        name = _FRACTIONS.get(f"{upper}/{lower}", words(lower, "ordinal") + ("s" if upper != "1" else ""))
        named = [f"{above} {name}"]
        if lower == "4":
            named.append(f"{above} {'fourth' if upper == '1' else 'fourths'}")
        if upper == "1":
            named += [f"a {name}", name]
        readings = [*named, *readings]
    return unique(readings)


def clock(hour: str, minute: str) -> tuple[str, ...]:
    """A time of day, of twelve and of twenty four hours; a m and p m are the caller's.

    >>> clock("3", "45")[:4]
    ('three forty five', 'quarter to four', 'a quarter to four', 'fifteen to four')
    """
    h, m = int(hour), int(minute)
    short = h % 12 or 12
    names = dict.fromkeys([words(str(h), "cardinal"), words(str(short), "cardinal")])
    readings = []
    for name in names:
        readings += _on_the_hour(name, hour) if not m else [f"{name} {_group(minute, True)}"]
        if 0 < m < 10:
            readings += [f"{name} {zero} {words(minute[1], 'cardinal')}" for zero in ("zero", "o")]
    readings += _past(m, words(str(short), "cardinal"), words(str(short % 12 + 1), "cardinal"))
    hours = f"{words(str(h), 'cardinal')} hours"
    return unique(
        [*readings, f"{hours} {words(str(m), 'cardinal')}" if m else "", *one_by_one(hour + minute)[:2]]
    )


def _on_the_hour(name: str, hour: str) -> list[str]:
    military = f"zero {name} hundred" if hour.startswith("0") else f"{name} hundred"
    return [name, f"{name} o'clock", f"{name} hundred", f"{military} hours"]


def _past(minute: int, this: str, coming: str) -> list[str]:
    if not minute:
        return []
    if minute == 30:
        return [f"half past {this}", f"half {this}"]
    relation, hour, count = ("past", this, minute) if minute < 30 else ("to", coming, 60 - minute)
    said = words(str(count), "cardinal")
    if count == 15:
        return [f"{a}quarter {relation} {hour}" for a in ("", "a ")] + [f"{said} {relation} {hour}"]
    return (
        [f"{said} {relation} {hour}", f"{said} minutes {relation} {hour}"]
        if count % 5 == 0
        else [f"{said} minutes {relation} {hour}"]
    )
