"""ARPA files, the text format of n-gram models that all toolkits share; weights there are log10, here natural.

A section `\\data\\` with `ngram N=COUNT` lines, then for each N a section `\\N-grams:` of lines `log10
probability`, tab, words parted by spaces, and where there is one tab and log10 back-off weight; `\\end\\` last.
"""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from speechgru.errors import LanguageModelError
from speechgru.lm.sentences import read_lines
from speechgru.lm.table import BEGIN, END, NEVER, SPECIAL, UNKNOWN, Level, Table, row_keys, sorted_words
from speechgru.utils.files import atomic_path

_LN10 = math.log(10.0)
_COUNT = re.compile(r"ngram\s+([0-9]{1,3})\s*=\s*([0-9]{1,18})$")
_SAME = {"<UNK>": UNKNOWN, "<S>": BEGIN, "</S>": END}

Row = tuple[int, tuple[str, ...], float, float]


def read(path: str | Path) -> Table:
    """Read an ARPA file (`.gz` or not). `<unk>`, `<s>` and `</s>` are added where it lacks them, as impossible.

    Raises:
        LanguageModelError: the file can't be read or isn't ARPA; the message names the line.
    """
    lines = _Lines(path)
    counts = _counts(lines)
    levels: list[Level] = []
    words: tuple[str, ...] = ()
    ids: dict[str, int] = {}
    rows: dict[tuple[int, ...], int] = {(): 0}
    for order, count in enumerate(counts, start=1):
        entries = list(_section(lines, order, count))
        if order == 1:
            entries, words = _vocabulary(lines, entries)
            ids = {word: i for i, word in enumerate(words)}
        level, rows = _level(lines, entries, ids, rows)
        levels.append(level)
    if lines.next() != "\\end\\":
        raise lines.error("expected \\end\\ after the last section")
    return Table(words, tuple(levels))


def write(path: str | Path, table: Table) -> None:
    """Write an ARPA file, whole or not at all; compressed where `path` ends in `.gz`."""
    with atomic_path(path) as temporary, _create(temporary) as stream:
        stream.write("\\data\\\n")
        stream.writelines(f"ngram {k}={len(level)}\n" for k, level in enumerate(table.levels, start=1))
        names: list[str] = [""]
        for k, level in enumerate(table.levels, start=1):
            stream.write(f"\n\\{k}-grams:\n")
            here = [
                f"{names[p]} {table.words[w]}" if k > 1 else table.words[w]
                for p, w in zip(level.parent, level.word)
            ]
            last = k == table.order
            for name, prob, weight in zip(here, level.prob / _LN10, level.backoff / _LN10):
                stream.write(f"{prob:.7g}\t{name}\n" if last else f"{prob:.7g}\t{name}\t{weight:.7g}\n")
            names = here
        stream.write("\n\\end\\\n")


def _create(path: Path) -> IO[str]:
    if path.name.endswith(".gz"):
        return gzip.open(path, "wt", encoding="utf-8", newline="\n", compresslevel=6)
    return open(path, "w", encoding="utf-8", newline="\n")


class _Lines:
    """The lines of a file that aren't empty, stripped; `number` is of the one last given."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.number = 0
        self._lines = read_lines(path)
        self._kept: str | None = None

    def next(self) -> str | None:
        """The next line, None after the last."""
        if self._kept is not None:
            line, self._kept = self._kept, None
            return line
        for line in self._lines:
            self.number += 1
            if line.strip():
                return line.strip()
        return None

    def keep(self, line: str | None) -> None:
        """Give `line` back: `next` gives it again."""
        self._kept = line

    def error(self, what: str, number: int | None = None) -> LanguageModelError:
        """About line `number`, by default the one last given."""
        return LanguageModelError(f"{self.path}, line {self.number if number is None else number}: {what}.")


def _counts(lines: _Lines) -> list[int]:
    """The n-grams of each order that the head promises."""
    line = lines.next()
    while line is not None and line != "\\data\\":
        line = lines.next()  # tools write remarks above it
    if line is None:
        raise LanguageModelError(f"{lines.path} has no line \\data\\. Expected an ARPA language model.")
    counts: list[int] = []
    while (line := lines.next()) is not None and (match := _COUNT.match(line)):
        if int(match[1]) != len(counts) + 1:
            raise lines.error(f"expected ngram {len(counts) + 1}=COUNT, got {line!r}")
        counts.append(int(match[2]))
    lines.keep(line)
    if not counts or not counts[0]:
        raise lines.error("expected ngram 1=COUNT with at least one word")
    return counts


def _section(lines: _Lines, order: int, count: int) -> Iterator[Row]:
    """Line number, words and natural-log weights of each n-gram."""
    if lines.next() != f"\\{order}-grams:":
        raise lines.error(f"expected \\{order}-grams:")
    read = 0
    while (line := lines.next()) is not None and not line.startswith("\\"):
        read += 1
        fields = line.split()
        if len(fields) not in (order + 1, order + 2):
            raise lines.error(
                f"expected a probability, {order} words and perhaps a back-off weight, got {line!r}"
            )
        words = tuple(_SAME.get(word, word) for word in fields[1 : order + 1])
        prob = _number(lines, fields[0])
        # Some tools write probabilities that rounding has pushed just above one.
        if prob > 1e-4:
            raise lines.error(f"log10 probability {fields[0]} is above 0")
        yield (
            lines.number,
            words,
            min(prob, 0.0),
            _number(lines, fields[-1]) if len(fields) > order + 1 else 0.0,
        )
    lines.keep(line)
    if read != count:
        raise lines.error(f"{read} {order}-grams, where \\data\\ promises {count}")


def _number(lines: _Lines, text: str) -> float:
    """The natural log that a log10 stands for; minus infinity as NEVER."""
    try:
        value = float(text) * _LN10
    except ValueError:
        raise lines.error(f"{text!r} is not a number") from None
    if math.isnan(value) or value > -NEVER:
        raise lines.error(f"{text} is not a log10 weight")
    return max(value, NEVER)


def _vocabulary(lines: _Lines, entries: list[Row]) -> tuple[list[Row], tuple[str, ...]]:
    listed = {words[0] for _, words, _, _ in entries}
    added = [(0, (word,), NEVER, 0.0) for word in SPECIAL if word not in listed]
    return entries + added, sorted_words(listed)


def _level(
    lines: _Lines, entries: list[Row], ids: dict[str, int], rows: dict[tuple[int, ...], int]
) -> tuple[Level, dict[tuple[int, ...], int]]:
    """The sorted level of `entries`, and its rows by word ids; `rows` are those of the level below."""
    parent, word = np.empty(len(entries), np.int64), np.empty(len(entries), np.int32)
    grams: list[tuple[int, ...]] = []
    for i, (number, words, _, _) in enumerate(entries):
        unlisted = [w for w in words if w not in ids]
        if unlisted:
            raise lines.error(f"{unlisted[0]!r} is not among the 1-grams", number)
        grams.append(tuple(ids[w] for w in words))
        if grams[-1][:-1] not in rows:
            context = " ".join(words[:-1])
            raise lines.error(f"{context!r}, which this n-gram goes on from, is not in the model", number)
        parent[i], word[i] = rows[grams[-1][:-1]], grams[-1][-1]
    keys = row_keys(parent, word)
    order = np.argsort(keys, kind="stable")
    twice = order[1:][keys[order[1:]] == keys[order[:-1]]]
    if len(twice):
        number, words, _, _ = entries[twice[0]]
        raise lines.error(f"{' '.join(words)!r} is there twice", number)
    weights = np.array([(prob, weight) for _, _, prob, weight in entries], np.float32).reshape(-1, 2)
    level = Level(parent[order], word[order], weights[order, 0], weights[order, 1])
    return level, {grams[i]: row for row, i in enumerate(order)}
