"""A recording aligned with its text: the times of each word, as the text spells it.

A word's times and confidence are those of `hypothesis.words` for the characters of its spoken form; of several readings
it is the one that fits the sound (speechgru.text.readings). Words without evidence in the sound
(speechgru.alignment.search) are not `spoken`: they keep the times of their gap where other speech is in it, and have
none where nothing is. Speech that the text lacks is skipped. The confidence is the network's in the given characters;
it isn't a probability that the word is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.alignment import gaps, spelling, times
from speechgru.alignment.ctc import Run
from speechgru.alignment.hybrid import Judge, Verifier
from speechgru.alignment.search import Search
from speechgru.alignment.spelling import Item
from speechgru.decoding import Hypothesis, hypothesis
from speechgru.decoding.hypothesis import Token
from speechgru.errors import AudioWarning, TextError
from speechgru.inference import CtcRecognizer, word_times
from speechgru.inference.emissions import Posteriors, posteriors
from speechgru.inference.job import Source
from speechgru.inference.word_times import Span
from speechgru.text import spoken_form
from speechgru.text.spoken_form import Line
from speechgru.text.vocabulary import SPACE
from speechgru.transcript import Segment, Transcript, Word
from speechgru.writers import json as json_writer

DECIMALS = 3  # of seconds, in JSON
FIRST_SHARE = 0.25  # of the work, finding words by the CTC model
FEW = 0.5  # of the text's words; where fewer are in the recording, the text is likely to be another one's


@dataclass(frozen=True)
class AlignedUnit:
    """Words of the text as written (nearly always one), and their times.

    word: with its times; those of the gap where something else is spoken; None where nothing is.
    is_spoken: the sound holds it.
    readings: the spoken forms that it may have; the one that was taken comes first.
    """

    text: str
    word: Word | None
    is_spoken: bool
    readings: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Alignment:
    """All words of a text, line by line, and the `transcript` of those in the recording: a segment a line.

    A number, date or abbreviation that isn't read in any known way is in the transcript too, with confidence 0.
    """

    lines: tuple[tuple[AlignedUnit, ...], ...]
    transcript: Transcript

    @property
    def missing(self) -> tuple[str, ...]:
        """Words that the recording lacks, in the order of the text."""
        return tuple(unit.text for line in self.lines for unit in line if unit.word is None)

    def __repr__(self) -> str:
        count = sum(map(len, self.lines))
        return f"<Alignment of {count - len(self.missing)} of {count} words, {self.transcript!r}>"

    def to_dict(self) -> dict[str, Any]:
        """All words of the text as plain values; see `as_dict`."""
        return as_dict(self)

    @property
    def replaced(self) -> tuple[Word, ...]:
        """Words in whose place something else is spoken, with the times of that."""
        return tuple(unit.word for line in self.lines for unit in line if unit.word and not unit.is_spoken)


def align_text(
    recognizer: CtcRecognizer,
    source: Source,
    text: str,
    on_progress: Callable[[float], None] | None = None,
    verifier: Verifier | None = None,
) -> Alignment:
    """Find the words of `text` in a recording of any length.

    Args:
        recognizer: finds the words; with a `verifier`, it must have a phone head.
        source: a path, "-" for standard input, a binary file, or a `array.Sound` at the recognizer's rate.
        text: a line for each segment; a single line is cut into sentences.
        on_progress: called with the fraction of the recording that the network has processed.
        verifier: a hybrid model, whose evidence counts too and whose times are taken.

    Raises:
        TextError: the text has no word, characters that the model can't write, or more characters than the
            recording has frames.
        AudioError: the recording can't be read.
    """
    lines = spoken_form.lines(text)
    items = spelling.items(list(chain.from_iterable(lines)), recognizer)
    if verifier is None:
        return _aligned(recognizer, posteriors(recognizer, source, on_progress), lines, items)
    tell = on_progress or (lambda _: None)
    emissions = posteriors(recognizer, source, lambda done: tell(FIRST_SHARE * done), verifier.log_mel)
    judge = Judge(
        verifier,
        emissions.pieces,
        emissions.job.duration,
        lambda done: tell(FIRST_SHARE + (1 - FIRST_SHARE) * done),
    )
    alignment = _aligned(recognizer, emissions, lines, items, judge)
    tell(1.0)
    return alignment


def align_emissions(
    recognizer: CtcRecognizer, emissions: Posteriors, text: str, verifier: Verifier | Judge | None = None
) -> Alignment:
    """As `align_text`, of a recording that the network of `recognizer` has processed; for one with several texts.

    With a `verifier`, its log-mel must have been asked for. A `Judge` is a verifier that worked on this recording: it
    is fitted by the first text that it gets, and further ones cost little.

    Raises:
        TextError: as there.
    """
    lines = spoken_form.lines(text)
    items = spelling.items(list(chain.from_iterable(lines)), recognizer)
    judge = (
        Judge(verifier, emissions.pieces, emissions.job.duration)
        if isinstance(verifier, Verifier)
        else verifier
    )
    return _aligned(recognizer, emissions, lines, items, judge)


def _aligned(
    recognizer: CtcRecognizer,
    emissions: Posteriors,
    lines: Sequence[Line],
    items: Sequence[Item],
    judge: Judge | None = None,
) -> Alignment:
    _check_length(items, len(emissions.log_probs), emissions.job.duration)
    space = spelling.space(recognizer.engine.vocabulary)
    step = recognizer.engine.frame_seconds
    heads = spelling.heads(emissions, recognizer)
    search = Search(emissions.log_probs, heads, items, space, judge, step)
    runs = search.run()
    spans = judge.edges([said for i in range(len(runs)) if (said := search.said(i))]) if judge else None
    timed = _words(items, runs, emissions, recognizer, spans)
    units = gaps.filled(timed, runs, items, emissions.log_probs, space, step)
    return _alignment(lines, units, emissions.job.transcript(recognizer.model))


def _check_length(items: Sequence[Item], frames: int, seconds: float) -> None:
    shortest = [min(map(_frames_needed, item.characters)) for item in items]
    needed = sum(shortest)
    if needed > frames:
        characters = sum(len(item.spoken[0].replace(SPACE, "")) for item in items)
        raise TextError(
            f"The text is longer than the recording: its {characters} characters take at least {needed} frames, and "
            f"{seconds:.1f} s of sound have {frames}. Is it the text of this recording?"
        )


def _frames_needed(words: Sequence[Sequence[int]]) -> int:
    return sum(len(word) + sum(a == b for a, b in pairwise(word)) for word in words)


def _words(
    items: Sequence[Item],
    runs: Sequence[Run | None],
    emissions: Posteriors,
    recognizer: CtcRecognizer,
    spans: Sequence[Span | None] | None = None,
) -> list[Word | None]:
    """Each unit with its times, by `spans` in seconds where a hybrid model has them; None for those that the recording
    lacks."""
    symbols = recognizer.engine.vocabulary.symbols
    tokens = [
        token for run in runs if run is not None for token in _tokens(run, emissions.log_probs, symbols)
    ]
    step, duration = recognizer.engine.frame_seconds, emissions.job.duration
    # Frame t is centred at t * step, so it begins half a frame before.
    words = hypothesis.words(Hypothesis("", tuple(tokens), 0.0), step, -step / 2)
    if spans is not None:
        words = times.by_edges(words, spans, emissions.silences, recognizer.times, duration, step)
    elif recognizer.times is not None:
        words = word_times.placed(words, emissions.silences, recognizer.times, (0.0, duration), step)
    timed = iter(words)
    return [None if run is None else _within(next(timed), duration) for run in runs]


def _tokens(run: Run, log_probs: NDArray[np.float32], symbols: Sequence[str]) -> Iterator[Token]:
    """The characters of a unit, and a space behind it."""
    end = 0
    for label, start, end in zip(run.labels, run.starts.tolist(), run.ends.tolist(), strict=True):
        yield Token(symbols[label], start, end, min(1.0, float(np.exp(log_probs[start:end, label].max()))))
    yield Token(SPACE, end, end + 1, 1.0)


def _within(word: Word, duration: float) -> Word:
    """The first and the last frame may reach a little beyond the samples."""
    return replace(word, start=min(max(word.start, 0.0), duration), end=min(word.end, duration))


def _alignment(lines: Sequence[Line], units: Sequence[gaps.Placed], empty: Transcript) -> Alignment:
    rest = iter(units)
    aligned = tuple(tuple(_unit(unit.text, next(rest)) for unit in line) for line in lines)
    segments = (
        tuple(unit.word for unit in line if unit.word is not None and _is_shown(unit)) for line in aligned
    )
    warnings = empty.warnings
    count = sum(unit.is_spoken for unit in units)
    if count < FEW * len(units):
        text = f"only {count} of the text's {len(units)} words were found. Is it the text of this recording?"
        warnings += (AudioWarning("mismatch", text),)
    transcript = replace(empty, segments=tuple(Segment(line) for line in segments if line), warnings=warnings)
    return Alignment(aligned, transcript)


def _unit(text: str, placed: gaps.Placed) -> AlignedUnit:
    word = placed.word and replace(placed.word, text=text)
    return AlignedUnit(text, word, placed.is_spoken, placed.readings)


def _is_shown(unit: AlignedUnit) -> bool:
    """Whether a unit with times belongs to the transcript: what may be read in a way that nobody thought of does."""
    return unit.is_spoken or len(unit.readings) > 1


def as_dict(alignment: Alignment) -> dict[str, Any]:
    """As `writers.json.as_dict` of the transcript, with all lines and words of the text.

    Each word has "spoken"; where that is false, its confidence is 0, and its start and end are those of what is spoken
    in its place, or null where nothing is. "reading" is the spoken form of a word that has several. The times of a line
    are those of its words in the transcript; null where it has none there.
    """
    plain = json_writer.as_dict(alignment.transcript)
    written = iter(plain["segments"])
    segments = []
    for line in alignment.lines:
        shown = any(unit.word is not None and _is_shown(unit) for unit in line)
        segment = next(written) if shown else {"start": None, "end": None, "confidence": 0.0, "words": []}
        words = iter(segment["words"])
        units = [_unit_dict(unit, words) for unit in line]
        text = " ".join(unit.text for unit in line)
        segments.append({**segment, "text": text, "words": units})
    return {**plain, "text": " ".join(segment["text"] for segment in segments), "segments": segments}


def _unit_dict(unit: AlignedUnit, written: Iterator[dict[str, Any]]) -> dict[str, Any]:
    reading = {"reading": unit.readings[0]} if unit.is_spoken and len(unit.readings) > 1 else {}
    if unit.word is not None and _is_shown(unit):
        return {**next(written), "spoken": unit.is_spoken, **reading}
    start, end = (
        (round(unit.word.start, DECIMALS), round(unit.word.end, DECIMALS)) if unit.word else (None, None)
    )
    return {"text": unit.text, "start": start, "end": end, "confidence": 0.0, "spoken": False}
