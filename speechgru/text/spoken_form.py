"""A text as it is written and as it is spoken, unit by unit.

Tokens are separated by white space. The spoken form of a token is that of the normaliser, in its sentence, as some
tokens are spoken together: `$5 million` is `five million dollars`. A unit is the least that can be parted in speech,
nearly always one token. Tokens without a spoken form (a dash, `***`, `[noise]`) are kept with the unit before, or else
behind, them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

from speechgru.errors import TextError
from speechgru.text.english import normalise

STDIN = "-"
_TITLES = "".join(rf"(?<!\b{title}\.)" for title in ("Mr", "Mrs", "Ms", "Dr", "St", "[A-Z]"))
_SENTENCE_END = re.compile(rf"""(?<=[.!?…]){_TITLES}["'”’)\]]*\s+(?=["'“‘(\[]?[A-Z0-9])""")
_TOKENS = 200  # normalised together at most, so that comparing stays cheap


@dataclass(frozen=True)
class Unit:
    """`text` as written, without white space around it; `spoken` in the normaliser's characters, never empty."""

    text: str
    spoken: str


Line = tuple[Unit, ...]


def lines(text: str) -> tuple[Line, ...]:
    """The lines of `text`; of a text that is a single line, its sentences. Those without a spoken form are left out.

    >>> [[(unit.text, unit.spoken) for unit in line] for line in lines("In 1990, he —\\n$5 million.")]
    [[('In', 'in'), ('1990,', 'nineteen ninety'), ('he —', 'he')], [('$5 million.', 'five million dollars')]]
    """
    parts = [part for part in text.splitlines() if part.strip()]
    if len(parts) == 1:
        parts = _sentences(parts[0])
    units = (tuple(_units(part.split())) for part in parts)
    return tuple(line for line in units if line)


def _sentences(text: str) -> list[str]:
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


def _units(tokens: list[str]) -> Iterator[Unit]:
    waiting: list[str] = []  # silent tokens at the start of the line
    unit: Unit | None = None
    for token, spoken in _spoken(tokens):
        if not spoken and unit is None:
            waiting.append(token)
        elif not spoken and unit is not None:
            unit = Unit(f"{unit.text} {token}", unit.spoken)
        else:
            if unit is not None:
                yield unit
            unit = Unit(" ".join([*waiting, token]), " ".join(spoken))
            waiting = []
    if unit is not None:
        yield unit


def _spoken(tokens: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each token, or tokens that can't be told apart, with their spoken words."""
    for start in range(0, len(tokens), _TOKENS):
        part = tokens[start : start + _TOKENS]
        alone = [_alone(token) for token in part]
        together = normalise(" ".join(part)).split()
        if [word for words in alone for word in words] == together:
            yield from ((token, list(words)) for token, words in zip(part, alone, strict=True))
        else:
            yield from _matched(part, alone, together)


@lru_cache(maxsize=1 << 14)
def _alone(token: str) -> tuple[str, ...]:
    return tuple(normalise(token).split())


def _matched(
    tokens: list[str], alone: list[tuple[str, ...]], together: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """The spoken words of all tokens together, given out by those of each alone."""
    words = [word for spoken in alone for word in spoken]
    owners = [i for i, spoken in enumerate(alone) for _ in spoken] or [0]
    given: list[list[str]] = [[] for _ in tokens]
    is_joined = [False] * len(tokens)  # with the token behind
    for kind, a, b, c, d in SequenceMatcher(None, words, together, autojunk=False).get_opcodes():
        if kind == "equal":
            for owner, word in zip(owners[a:b], together[c:d], strict=True):
                given[owner].append(word)
        elif d > c:
            first, last = owners[max(a - (a == b), 0)], owners[max(b - 1, 0)]
            given[first] += together[c:d]
            is_joined[first:last] = [True] * (last - first)
    start = 0
    for i, joined in enumerate(is_joined):
        if not joined:
            yield " ".join(tokens[start : i + 1]), [w for part in given[start : i + 1] for w in part]
            start = i + 1


def read(path: str | Path) -> str:
    """The text of a file, or of standard input ("-"): UTF-8, or UTF-16 with a mark.

    Raises:
        TextError: it can't be read, is in another encoding, or holds nothing but white space.
    """
    name = "standard input" if str(path) == STDIN else str(path)
    try:
        data = sys.stdin.buffer.read() if str(path) == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise TextError(f"Can't read {name}: {error.strerror or error}. Expected a text file.") from error
    encoding = "UTF-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "UTF-8"
    try:
        text = data.decode("utf-8-sig" if encoding == "UTF-8" else encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TextError(
            f"{name} is not {encoding}: byte 0x{data[error.start]:02x} in line {line}. If it is text, convert it, e.g. "
            "iconv -f WINDOWS-1252 -t UTF-8."
        ) from error
    if "\0" in text:
        raise TextError(f"{name} is not text: it holds zero bytes. Expected a transcript in UTF-8.")
    if not text.strip():
        raise TextError(f"{name} is empty. Expected the text that is spoken in the recording.")
    return text
