"""The ways in which what is written may be read out: numbers, dates, times, money, addresses, abbreviations.

The normaliser's own reading comes first; whoever has the sound chooses. A word has one reading, its spelling. Dates are
read as day and month in either order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import islice, product
from types import MappingProxyType

from speechgru.text import number_readings as of
from speechgru.text.english import normalise
from speechgru.text.number_readings import unique
from speechgru.text.numbers import cardinal, words

MOST = 64  # readings of one stretch of text
_INSIDE = 6  # of each number among several
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT_MONTHS = frozenset(month[:3] for month in _MONTHS)
_COINS = {
    "$": ("dollar dollars", "cent cents"),
    "£": ("pound pounds", "penny pence"),
    "€": ("euro euros", "cent cents"),
    "¥": ("yen yen", "sen sen"),
}
_ABBREVIATED = MappingProxyType(
    {
        **{month[:3]: (month,) for month in _MONTHS},
        "sept": ("september",),
        **{day[:3]: (day,) for day in _DAYS},
        **{
            short: tuple(long.replace("_", " ") for long in full.split())
            for short, full in (
                pair.split(": ")
                for pair in """\
mr: mister; mrs: missus misses; ms: miss; dr: doctor drive; st: saint street; ave: avenue; rd: road; blvd: boulevard
jr: junior; sr: senior; prof: professor; gen: general; col: colonel; capt: captain; sgt: sergeant; lt: lieutenant
rev: reverend; hon: honorable honourable; gov: governor; sen: senator; rep: representative; no: number; vs: versus
inc: incorporated; ltd: limited; co: company; corp: corporation; dept: department; est: established; etc: et_cetera
approx: approximately; eg: for_example; ie: that_is; vol: volume; ch: chapter; fig: figure; pp: pages; mt: mount
apt: apartment; ln: lane; sq: square; km: kilometers kilometer; kg: kilograms kilos kilogram; cm: centimeters centimeter
mm: millimeters; ft: feet foot; lb: pounds pound; lbs: pounds; oz: ounces ounce; mph: miles_per_hour; hr: hour hours
hrs: hours; min: minutes minute; mins: minutes; sec: seconds second; secs: seconds; kmh: kilometers_per_hour
mb: megabytes; gb: gigabytes; khz: kilohertz; hz: hertz; ml: milliliters; ok: okay""".replace(
                    "\n", "; "
                ).split("; ")
            )
        },
    }
)
_PLURAL_MARK = re.compile(r"'?s")
_CORE = re.compile(r"""^(?:["'“”‘’(\[{<*_—–]|-(?![0-9]))*(.*?)["'“”‘’)\]}>*_,;:!?…—–-]*$""", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+")
_ROMAN = re.compile(r"(?=[IVX]{2,}$)X{0,3}(?:IX|IV|V?I{0,3})")
_NUMERALS = {"I": 1, "V": 5, "X": 10}
_HALVES = {"m": "million", "k": "thousand", "bn": "billion", "b": "billion", "million": "million"}


def readings(text: str, spoken: str, before: str = "", behind: str = "") -> tuple[str, ...]:
    """The readings of a stretch of text, at most MOST, `spoken` first, each in the normaliser's characters.

    Args:
        text: without white space around it.
        spoken: the normaliser's reading.
        before, behind: the text around it: beside the name of a month, `6` may be `the sixth`.

    >>> readings("$5.50,", "five dollars and fifty cents")[:3]
    ('five dollars and fifty cents', 'five dollars fifty', 'five fifty')
    >>> readings("cat", "cat")
    ('cat',)
    """
    core = _core(text)
    found = _core_readings(core)
    if re.fullmatch("0?[1-9]|[12][0-9]|3[01]", core):
        days = of.ordinal(core.lstrip("0"))
        if _is_month(before):
            found = (*found, *days)
        if _is_month(behind):
            found = (*found, *(f"{day} of" for day in days), *days)
    return unique([spoken, *found])[:MOST]


def _core(text: str) -> str:
    """Without the punctuation around it; ½ as 1/2."""
    text = "".join(_parted(c) for c in text).strip()
    match = _CORE.match(text)
    core = match[1] if match else text
    return core[:-1] if core.endswith(".") and not re.fullmatch(r"(?:[A-Za-z]\.){2,}", core) else core


def _parted(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    return f" {plain.replace('⁄', '/')}" if len(plain) > 1 and "⁄" in plain else character


@lru_cache(maxsize=1 << 12)
def _core_readings(core: str) -> tuple[str, ...]:
    """The readings of a text without punctuation around it; none of a plain word."""
    if not any(c.isdigit() for c in core):
        return unique(_of_letters(core))
    lower = core.lower()
    for pattern, reading in _PATTERNS:
        if match := pattern.fullmatch(lower):
            return unique(map(normalise, reading(match)))
    return unique(map(normalise, _general(lower)))


def _of_letters(core: str) -> Iterable[str]:
    """Abbreviations, letters one by one, and Roman numerals."""
    plain = core.replace(".", "").replace("/", "").lower()
    yield from _ABBREVIATED.get(plain, ())
    if core in ("&", "+"):
        yield from ("and", "plus")
    if _ROMAN.fullmatch(core):
        value = str(sum(_roman(core)))
        yield from (cardinal(value), *of.ordinal(value))
    letters = core.replace(".", "")
    if (
        letters.isascii()
        and letters.isalpha()
        and 2 <= len(letters) <= 5
        and (letters.isupper() or "." in core)
    ):
        yield " ".join(letters.lower())
        yield letters.lower()


def _roman(numeral: str) -> list[int]:
    values = [_NUMERALS[c] for c in numeral]
    return [-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True)]


def _general(text: str) -> Iterable[str]:
    """Any text with numbers inside: each in all its ways, what is between as the normaliser has it, or spelt."""
    pieces = [piece for piece in re.split(f"({_NUMBER.pattern})", text) if piece]
    count = sum(piece[0].isdigit() for piece in pieces)
    if count > 1 and all(piece.isdigit() or not piece.strip("-–. ()+/") for piece in pieces):
        yield from of.one_by_one(re.sub("[^0-9]", "", text))  # a telephone number
    choices = [_piece(piece, count > 1) for piece in pieces]
    yield from (" ".join(choice) for choice in islice(product(*choices), 2 * MOST))


def _piece(piece: str, is_one_of_many: bool) -> Sequence[str]:
    if piece[0].isdigit():
        every = of.whole(piece)
        return (
            (every[0], *every[-5:-1], *every[1:3])[:_INSIDE]
            if is_one_of_many and len(every) > _INSIDE
            else every
        )
    plain = normalise(piece)
    letters = plain.replace(" ", "")
    spelt = [" ".join(letters)] if 2 <= len(letters) <= 3 else []
    between = {
        "/": ["slash", "over"],
        ":": ["to"],
        "-": ["to", "dash", "minus"],
        "–": ["to"],
        "x": ["by", "times"],
        ".": ["point", "dot"],
    }
    return unique([plain, *_ABBREVIATED.get(letters, ()), *spelt]) + tuple(
        between.get(piece.strip(), ())
    ) or ("",)


# ------------------------------------------------------------------------------------- by what is written


def _ordinal(match: re.Match[str]) -> Iterable[str]:
    return of.ordinal(match["n"])


def _decade(match: re.Match[str]) -> Iterable[str]:
    """`1990s`, `'90s`, `the 20s`."""
    digits = match["n"]
    singular = of.year(digits) if len(digits) in (2, 4) else of.whole(digits)
    return [
        f"{each[:-1]}ies" if each.endswith("y") else f"{each}{'e' if each.endswith('x') else ''}s"
        for each in singular
    ]


def _time(match: re.Match[str]) -> Iterable[str]:
    spoken = list(of.clock(match["h"], match["m"] or "00"))
    half = (match["half"] or "").replace(".", "").replace(" ", "")
    if not half:
        return spoken
    return [f"{each} {form}".strip() for each in spoken for form in (half, " ".join(half), "")]


def _date(match: re.Match[str]) -> Iterable[str]:
    """`5/6/2016`, `2016-05-06`: day and month in either order, month by name or number."""
    a, b, year = match["a"], match["b"], match["y"]
    years = [""] if year is None else of.year(year)[:5]
    dates = [
        form
        for month, day in ((a, b), (b, a))
        if 1 <= int(month) <= 12 and 1 <= int(day) <= 31
        for form in _day(_MONTHS[int(month) - 1], str(int(day)))
    ]
    first, second = cardinal(str(int(a))), cardinal(str(int(b)))
    dates += [f"{first} {second}", f"{first} slash {second} slash", f"{first} {second}".replace("zero", "oh")]
    return [f"{form} {each}".strip() for each in years for form in dates]


def _day(month: str, day: str) -> list[str]:
    nth = words(day, "ordinal")
    return [
        f"{month} {nth}",
        f"{month} the {nth}",
        f"the {nth} of {month}",
        f"{nth} of {month}",
        f"{month} {cardinal(day)}",
        f"{nth} {month}",
    ]


def _money(match: re.Match[str]) -> Iterable[str]:
    """`$5.50`, `£1,200`, `$5m`."""
    (one, many), (_, small) = (names.split() for names in _COINS[match["coin"]])
    n, cents, scale = match["n"], match["cents"], match["scale"]
    coin = one if n == "1" else many
    amounts = of.amount(n)
    if scale:
        heads = of.decimal(n, [cents])[:3] if cents else amounts
        names = _HALVES.get(scale, scale)
        return [f"{each} {names} {form}".strip() for each in heads for form in (many, "")]
    if not cents or not cents.strip("0"):
        return [
            f"{each} {form}".strip() for each in [*amounts, *of.whole(n)] for form in (coin, one, "bucks", "")
        ]
    change = [*of.whole(cents)[:1], f"oh {cardinal(cents[-1])}"] if cents[0] == "0" else [cardinal(cents)]
    change[:1] = [cardinal(cents.lstrip("0"))]
    heads = amounts[:4]
    if match["n"] == "0":
        return [f"{change[0]} {small}"]
    full = [f"{head} {coin} {part}" for head in heads for part in change]
    return [
        *full,
        *(f"{head} {part}" for head in heads for part in change),
        *(f"{head} {coin} {joint}{change[0]} {small}" for head in heads for joint in ("and ", "")),
        *(f"{each} {many}" for each in of.decimal(n, [cents])),
    ]


def _percent(match: re.Match[str]) -> Iterable[str]:
    heads = of.decimal(match["n"], [match["part"]]) if match["part"] else of.amount(match["n"])
    return [f"{head} {sign}" for head in heads for sign in ("percent", "per cent")]


def _decimal(match: re.Match[str]) -> Iterable[str]:
    return of.decimal(match["n"] or "", match["parts"].strip(".").split("."))


def _fraction(match: re.Match[str]) -> Iterable[str]:
    head = of.amount(match["n"]) if match["n"] else ("",)
    return [
        f"{each} {joint} {part}"
        for each in head
        for part in of.fraction(match["a"], match["b"])
        for joint in ("and" if match["n"] else "", "")
    ]


def _range(match: re.Match[str]) -> Iterable[str]:
    """`10-20`, `1990–95`, `2-1`."""
    first, last = of.whole(match["a"])[:3], of.whole(match["b"])[:3]
    digits = of.one_by_one(match["a"] + match["b"])
    return [
        *digits,
        *(f"{a} {joint} {b}" for joint in ("to", "", "through", "dash") for a, b in product(first, last)),
    ]


def _signed(match: re.Match[str]) -> Iterable[str]:
    rest = of.decimal(match["n"], [match["part"]]) if match["part"] else of.whole(match["n"])
    signs = {"#": ("number", "hashtag", "pound"), "+": ("plus",)}.get(match["sign"], ("minus", "negative"))
    return [f"{sign} {each}" for sign in signs for each in rest]


def _is_month(text: str) -> bool:
    name = _core(text).lower()
    return name in _MONTHS or (len(name) <= 4 and name[:3] in _SHORT_MONTHS)


_N = r"(?P<n>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterable[str]]], ...] = tuple(
    (re.compile(pattern), reading)
    for pattern, reading in (
        (rf"{_N}(?:st|nd|rd|th)", _ordinal),
        (r"'?(?P<n>[0-9]{1,4}0)'?s", _decade),
        (r"(?P<h>[01]?[0-9]|2[0-4])[:h](?P<m>[0-5][0-9])\s?(?P<half>[ap]\.?\s?m\.?)?", _time),
        (r"(?P<h>1[0-2]|[1-9])\.(?P<m>[0-5][0-9])\s?(?P<half>[ap]\.?\s?m\.?)", _time),
        (r"(?P<h>[1-9]|1[0-2])(?P<m>)\s?(?P<half>[ap]\.?\s?m\.?)", _time),
        (r"(?P<a>[0-9]{1,2})[/.-](?P<b>[0-9]{1,2})(?:[/.-](?P<y>[0-9]{4}|[0-9]{2}))", _date),
        (r"(?P<y>[0-9]{4})[/.-](?P<a>[0-9]{1,2})[/.-](?P<b>[0-9]{1,2})", _date),
        (
            r"(?P<coin>[$£€¥]) ?"
            + _N
            + r"(?:\.(?P<cents>[0-9]+))? ?(?P<scale>hundred|thousand|million|billion|trillion|bn|[mkb])?",
            _money,
        ),
        (_N + r"(?:\.(?P<part>[0-9]+))? ?%", _percent),
        (r"(?P<n>[0-9]+)?(?P<parts>(?:\.[0-9]+)+)", _decimal),
        (r"(?:(?P<n>[0-9]+)[ -])?(?P<a>[0-9]{1,2})[/⁄](?P<b>[0-9]{1,3})", _fraction),
        (r"(?P<a>[0-9]{1,4})[-–—:](?P<b>[0-9]{1,4})", _range),
        (r"(?P<sign>[-−+#])" + _N + r"(?:\.(?P<part>[0-9]+))?", _signed),
    )
)
