"""Plain text as normalised sentences, the training material of language models.

* A file is UTF-8 text, `.gz` or not. A line is a paragraph, or several; with `wrapped=True` a paragraph goes on to
  the next empty line, as in Project Gutenberg's books.
* A sentence ends after `.`, `?`, `!` or `…` (and closing quotes or brackets) when white space and then a capital
  letter or a digit follow (opening quotes or brackets may stand before it), unless the full stop belongs to a
  title or another abbreviation of ABBREVIATIONS or to a single letter (`J. Smith`).
* `<s>`, `</s>` and `<unk>` are symbols of language models; in a text they are refused, or left out on request.
* Each sentence becomes what `speechgru.text.english.normalise` makes of it; those with no words are left out.

Keeping the sentences that a model will be judged on out of the text it learns from.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from speechgru.errors import LanguageModelError
from speechgru.lm.table import SPECIAL
from speechgru.text import normalise

_RUN = 4
SHORTEST_CONTAINED = 4
"""Words from which an excluded sentence may not occur within a longer one."""
SHORTEST_PART = 5
"""Words from which a sentence may not be a part of an excluded one."""
SHARED = 8
"""Words in a row that a sentence may not share with an excluded one."""

Words = tuple[str, ...]
ABBREVIATIONS = frozenset(
    {"mr", "mrs", "ms", "messrs", "mme", "mlle", "dr", "prof", "rev", "hon", "st", "ste", "esq", "jr", "sr"}
    | {"capt", "col", "gen", "lieut", "lt", "maj", "sgt", "serg", "cpl", "adm", "gov"}
    | {"vs", "viz", "cf", "vol", "vols", "nos", "pp", "i.e", "e.g", "a.m", "p.m"}
)
_END = re.compile(r"""[.?!…]["'”’»)\]]*\s+""")
_OPENING = "\"'“‘«([—–-_*"
_LAST_WORD = re.compile(r"[\w.]*$")
_MARK = "\0"
_SYMBOL = re.compile("|".join(SPECIAL), re.IGNORECASE)
_LOOSE = re.compile(r"(?<![a-z])'|'(?![a-z])")


def read_sentences(path: str | Path, wrapped: bool = False, *, skip_symbols: bool = False) -> Iterator[str]:
    """The normalised sentences of a text file, in order.

    Args:
        skip_symbols: leave out `<s>`, `</s>` and `<unk>`, which are refused else.

    Raises:
        LanguageModelError: the file can't be read, isn't UTF-8 or holds such a symbol (the message says where), or
            holds no words.
    """
    empty = True
    for paragraph in _paragraphs(path, wrapped, skip_symbols):
        for sentence in split_sentences(paragraph):
            spoken = fast_normalise(sentence)
            if spoken:
                empty = False
                yield spoken
    if empty:
        raise LanguageModelError(f"{path} holds no words. Expected English text.")


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a UTF-8 text file, `.gz` or not.

    Raises:
        LanguageModelError: as `read_sentences`, except that a file may be empty.
    """
    start = 0
    try:
        with _open(path) as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise LanguageModelError(
                        f"{path}, line {number}, byte {start + error.start}: {line[error.start]:#04x} is not "
                        "UTF-8. Expected UTF-8 text; convert it first (iconv -f ENCODING -t UTF-8)."
                    ) from error
                start += len(line)
    except (OSError, EOFError, zlib.error) as error:
        raise LanguageModelError(f"Can't read the text {path}: {error}.") from error


def split_sentences(paragraph: str) -> list[str]:
    """A paragraph cut at the ends of its sentences.

    >>> split_sentences("“Who?” said Mr. Lee. “I!” He left at 9 a.m. on foot.")
    ['“Who?” said Mr. Lee. ', '“I!” ', 'He left at 9 a.m. on foot.']
    """
    cuts = [m.end() for m in _END.finditer(paragraph) if _ends_sentence(paragraph, m)]
    return [paragraph[a:b] for a, b in zip([0, *cuts], [*cuts, len(paragraph)])]


def fast_normalise(text: str) -> str:
    """Exactly `normalise(text)`, several times faster for text without digits and quotes in apostrophes."""
    plain = text.translate(_CHARACTERS)
    # Around digits and loose apostrophes the normaliser looks at more than one character.
    if _MARK in plain or ("'" in plain and _LOOSE.search(plain)):
        return normalise(text)
    return " ".join(plain.split())


class _Characters(dict[int, str]):
    """What the normaliser makes of a character wherever it stands, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = unicodedata.normalize("NFKD", character)
        spoken = normalise(f"x{character}x")[1:-1]
        apostrophes = sum(normalise(f"x{c}x") == "x'x" for c in folded)
        depends = code == 0 or apostrophes > 1 or "⁄" in folded or any(c.isdigit() for c in folded)
        self[code] = _MARK if depends else spoken
        return self[code]


_CHARACTERS = _Characters()


def _ends_sentence(paragraph: str, end: re.Match[str]) -> bool:
    start = end.end()
    while start < len(paragraph) and paragraph[start] in _OPENING:
        start += 1
    if start == len(paragraph) or not (paragraph[start].isupper() or paragraph[start].isdigit()):
        return False
    if paragraph[end.start()] != ".":
        return True
    before = _LAST_WORD.search(paragraph, max(0, end.start() - 12), end.start())
    word = before[0].lower() if before else ""
    return len(word) != 1 and word not in ABBREVIATIONS


def without_symbols(text: str, where: str, skip: bool) -> str:
    """`text` as it is, where it holds no symbol of language models; or with spaces for them, to `skip` them.

    Raises:
        LanguageModelError: it holds one, and `skip` is false.
    """
    found = _SYMBOL.search(text) if "<" in text else None
    if found is None:
        return text
    if skip:
        return _SYMBOL.sub(" ", text)
    raise LanguageModelError(
        f"{where}: {found[0]} is a symbol of language models, no word of a text; as one it would be learnt. Remove all "
        "such symbols from the text, or pass --skip-symbols (lm build, lm perplexity)."
    )


def _paragraphs(path: str | Path, wrapped: bool, skip_symbols: bool) -> Iterator[str]:
    given = (
        without_symbols(line, f"{path}, line {number}", skip_symbols)
        for number, line in enumerate(read_lines(path), start=1)
    )
    if not wrapped:
        yield from given
        return
    lines: list[str] = []
    for line in given:
        if line.strip():
            lines.append(line)
        else:
            yield "".join(lines)
            lines = []
    yield "".join(lines)


def _open(path: str | Path) -> IO[bytes]:
    return gzip.open(path, "rb") if str(path).endswith(".gz") else open(path, "rb")  # type: ignore[return-value]


class Exclusion:
    """Finds what repeats given sentences: as a whole, within a longer sentence, or cut out of one.

    Utterances are often arbitrary cuts of running text, so that equality alone would miss most.

    sentences: normalised, as those that are asked about.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = {sentence for sentence in sentences if sentence}
        self._by_run: dict[Words, set[str]] = defaultdict(set)
        self._shared: set[Words] = set()
        for sentence in self.sentences:
            words = sentence.split()
            for run in _word_runs(words, _RUN):
                self._by_run[run].add(f" {sentence} ")
            self._shared.update(_word_runs(words, SHARED))

    def reason(self, sentence: str) -> str | None:
        """Why `sentence` has to go: `the same`, `contains one`, `part of one`, `shares words`; None to keep it."""
        if sentence in self.sentences:
            return "the same"
        words = sentence.split()
        runs = set(_word_runs(words, _RUN)) & self._by_run.keys()
        if not runs:
            return None
        padded = f" {sentence} "
        near = set().union(*(self._by_run[run] for run in runs))
        if any(other in padded for other in near):
            return "contains one"
        if len(words) >= SHORTEST_PART and any(padded in other for other in near):
            return "part of one"
        return None if self._shared.isdisjoint(_word_runs(words, SHARED)) else "shares words"

    def kept(self, sentences: Iterable[str], dropped: Counter[str]) -> Iterator[str]:
        """Those of `sentences` that may stay; `dropped` counts the others by reason."""
        for sentence in sentences:
            reason = self.reason(sentence)
            if reason is None:
                yield sentence
            else:
                dropped[reason] += 1


def _word_runs(words: list[str], length: int) -> Iterable[Words]:
    return zip(*(words[i:] for i in range(length)))
