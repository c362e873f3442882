"""Written text as spoken words, each with the mark behind it and its capitals: what a tagger learns and writes.

Marks are the four of the field (Tilk and Alumäe 2016, "Bidirectional recurrent neural network with attention mechanism
for punctuation restoration"): none, comma, full stop, question mark. A semicolon, a colon and a dash between words
become commas; an exclamation mark and an ellipsis become a full stop, or a comma where the sentence goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from speechgru.text.english import normalise

MARKS = ("", ",", ".", "?")
NONE, COMMA, PERIOD, QUESTION = range(4)
CASES = ("lower", "capital", "upper")
LOWER, CAPITAL, UPPER = range(3)
TITLES = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "messrs",
        "mme",
        "mlle",
        "dr",
        "prof",
        "rev",
        "hon",
        "st",
        "jr",
        "sr",
        "capt",
        "col",
        "gen",
    }
    | {"lieut", "lt", "maj", "sgt", "cpl", "adm", "gov", "vs", "viz", "cf"}
)
# As LibriSpeech's transcripts have them, and so what is trained on these writes.
SPOKEN = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint"}
_EXCLAMATION = len(MARKS)  # not yet a full stop or a comma
_PLAIN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
_SEPARATORS = re.compile(r"\s+|(?<=\w)-(?=\w)|([—–…]|--+|\.\.\.)")
_EDGES = "\"'“”‘’«»()[]{}_*"


class Tagged(NamedTuple):
    """A spoken word in the normaliser's characters, the mark behind it (of MARKS) and its capitals (of CASES)."""

    word: str
    mark: int
    case: int


def tagged(text: str) -> list[Tagged]:
    """The words of written `text`.

    >>> [tuple(t) for t in tagged("“Who?” asked Mr. Lee—at 9, I think!")][:4]
    [('who', 3, 1), ('asked', 0, 0), ('mister', 0, 1), ('lee', 1, 1)]
    """
    words: list[Tagged] = []
    for token in _tokens(text.replace("’", "'")):
        pieces, mark, first_is_lower = _read(token)
        if words and words[-1].mark in (PERIOD, _EXCLAMATION) and pieces:
            # Where the sentence goes on it was an abbreviation's full stop, or “Oh!” he cried.
            ends, goes_on = (PERIOD, COMMA) if words[-1].mark == _EXCLAMATION else (PERIOD, NONE)
            words[-1] = words[-1]._replace(mark=goes_on if first_is_lower else ends)
        if pieces:
            words += [Tagged(word, NONE, case) for word, case in pieces[:-1]]
            words.append(Tagged(pieces[-1][0], mark, pieces[-1][1]))
        elif words and mark > words[-1].mark:
            words[-1] = words[-1]._replace(mark=mark)
    if words and words[-1].mark == _EXCLAMATION:
        words[-1] = words[-1]._replace(mark=PERIOD)
    return words


def written(word: str, mark: int, case: int) -> str:
    """`word` with its capitals and the mark behind it.

    >>> written("o'brien", COMMA, CAPITAL), written("nasa", NONE, UPPER)
    ("O'brien,", 'NASA')
    """
    cased = word.upper() if case == UPPER else word[:1].upper() + word[1:] if case == CAPITAL else word
    return cased + MARKS[mark]


def sentence_case(marks: Sequence[int], cases: Iterable[int]) -> list[int]:
    """`cases` with a capital at least at the beginning and behind each full stop and question mark."""
    starts = (True, *(mark in (PERIOD, QUESTION) for mark in marks[:-1]))
    return [CAPITAL if start and case == LOWER else case for start, case in zip(starts, cases)]


def _tokens(text: str) -> list[str]:
    return [token for token in _SEPARATORS.split(text) if token]


@lru_cache(maxsize=1 << 18)
def _read(token: str) -> tuple[tuple[tuple[str, int], ...], int, bool]:
    """Spoken words with their capitals, the mark behind them, and whether it begins with a small letter."""
    core = token.strip(_EDGES)
    bare = core.rstrip(".,;:!?…" + _EDGES)
    behind = core[len(bare) :]
    if not bare or bare[0] in "—–-":
        return (), (_mark(behind) if behind else COMMA if bare and bare[0] in "—–-" else NONE), False
    if _PLAIN.fullmatch(bare):
        if "." in behind and (bare.lower() in TITLES or (len(bare) == 1 and bare != "I")):
            spoken = SPOKEN.get(bare.lower(), bare.lower())
            behind = behind.replace(".", "", 1)
        else:
            spoken = bare.lower()
        case = UPPER if len(bare) > 1 and bare.isupper() else CAPITAL if bare[0].isupper() else LOWER
        return tuple((word, case) for word in spoken.split()), _mark(behind), bare[0].islower()
    words = normalise(bare).split()
    same = len(words) == 1 and bare[0].isalpha()
    case = CAPITAL if same and bare[0].isupper() else LOWER
    return tuple((word, case) for word in words), _mark(behind), bare[0].islower()


def _mark(behind: str) -> int:
    if "?" in behind:
        return QUESTION
    if "!" in behind or "…" in behind or "..." in behind:
        return _EXCLAMATION
    if "." in behind:
        return PERIOD
    return COMMA if set(behind) & set(",;:") else NONE
