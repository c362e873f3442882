"""Where the errors of an evaluation are: by speaker, length and level above the background, and which words.

The level above the background is that of the loudest 100 ms over the quiet parts, in dB: what a recording alone can
tell of its signal-to-noise ratio.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from speechgru.audio.energy import floor_and_top, levels
from speechgru.data import Utterance, read_audio
from speechgru.errors import AudioError
from speechgru.evaluation.wer import Alignment
from speechgru.utils.tables import table

SHOWN_SPEAKERS = 20
SHOWN_WORDS = 12
SECONDS = (2.0, 4.0, 8.0, 16.0)
DECIBELS = (10.0, 20.0, 30.0, 40.0)
RATE = 16000
_SUBSTITUTED = re.compile(r"\(([^()> ]+)>([^()> ]+)\)")
_INSERTED = re.compile(r"\(\+([^() ]+)\)")
_DELETED = re.compile(r"\(-([^() ]+)\)")


class Scored(Protocol):
    """An utterance and what was made of it."""

    @property
    def utterance(self) -> Utterance:
        """The recording."""

    @property
    def alignment(self) -> Alignment:
        """Its text and what was recognised, side by side."""


def to_markdown(rows: Sequence[Scored]) -> str:
    """Tables of an evaluation's rows; empty without rows."""
    if not rows:
        return ""
    parts = [
        _by("seconds", _bins(rows, lambda row: row.utterance.duration, SECONDS)),
        _by("dB above the background", _bins(rows, _level, DECIBELS)),
        _by_speaker(rows),
        _words(rows),
    ]
    return "\n\n".join(part for part in parts if part)


def confusions(rows: Iterable[Scored]) -> tuple[Counter[tuple[str, str]], Counter[str], Counter[str]]:
    """How often each word was taken for another (reference, hypothesis), inserted and deleted."""
    substituted: Counter[tuple[str, str]] = Counter()
    inserted: Counter[str] = Counter()
    deleted: Counter[str] = Counter()
    for row in rows:
        substituted.update((a, b) for a, b in _SUBSTITUTED.findall(row.alignment.aligned))
        inserted.update(_INSERTED.findall(row.alignment.aligned))
        deleted.update(_DELETED.findall(row.alignment.aligned))
    return substituted, inserted, deleted


def _level(row: Scored) -> float | None:
    """dB above the background, of the part that was scored; None where it can't be read any more."""
    try:
        signal = read_audio(row.utterance, RATE).signal
    except AudioError:
        return None
    floor, top = floor_and_top(levels(signal, RATE))
    return top - floor


def _bins(
    rows: Sequence[Scored], value: Callable[[Scored], float | None], edges: Sequence[float]
) -> list[tuple[str, list[Scored]]]:
    """Rows by the range that their value lies in; those without a value are left out."""
    names = [
        f"below {edges[0]:g}",
        *(f"{a:g} to {b:g}" for a, b in itertools.pairwise(edges)),
        f"{edges[-1]:g} and more",
    ]
    binned: list[tuple[str, list[Scored]]] = [(name, []) for name in names]
    for row in rows:
        number = value(row)
        if number is not None:
            binned[sum(number >= edge for edge in edges)][1].append(row)
    return [(name, inside) for name, inside in binned if inside]


def _by(what: str, groups: Sequence[tuple[str, Sequence[Scored]]]) -> str:
    head = (what, "WER", "words", "utterances")
    return table(head, [(name, _rate(rows), str(_total(rows)), str(len(rows))) for name, rows in groups])


def _by_speaker(rows: Sequence[Scored]) -> str:
    speakers: dict[str, list[Scored]] = {}
    for row in rows:
        speakers.setdefault(row.utterance.speaker, []).append(row)
    speakers.pop("", None)
    if len(speakers) < 2:
        return ""
    ranked = sorted(speakers.items(), key=lambda item: (_errors(item[1]) / max(1, _total(item[1])), item[0]))
    if len(ranked) <= SHOWN_SPEAKERS:
        return _by("speaker", ranked)
    half = SHOWN_SPEAKERS // 2
    title = f"The {half} speakers with the fewest and the {half} with the most errors of {len(ranked)}:"
    return f"{title}\n\n{_by('speaker', [*ranked[:half], *ranked[-half:]])}"


def _words(rows: Sequence[Scored]) -> str:
    substituted, inserted, deleted = confusions(rows)
    columns = [
        [f"{a} → {b} ({n})" for (a, b), n in _most(substituted)],
        [f"{word} ({n})" for word, n in _most(inserted)],
        [f"{word} ({n})" for word, n in _most(deleted)],
    ]
    if not any(columns):
        return ""
    height = max(map(len, columns))
    lines = [[column[i] if i < len(column) else "" for column in columns] for i in range(height)]
    return table(("taken for another", "inserted", "deleted"), lines)


def _most(counter: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_WORDS]


def _errors(rows: Iterable[Scored]) -> int:
    return sum(row.alignment.words.errors for row in rows)


def _total(rows: Iterable[Scored]) -> int:
    return sum(row.alignment.words.total for row in rows)


def _rate(rows: Sequence[Scored]) -> str:
    return f"{100 * _errors(rows) / _total(rows):.1f} %" if _total(rows) else "undefined"
