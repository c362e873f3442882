"""A recording aligned with its text: the times of each word, as the text spells it.

Words that the recording lacks have no times, and speech that the text lacks is skipped (speechgru.alignment.ctc says
how). A word's times and confidence are those of `hypothesis.words` for the characters of its spoken form. The
confidence is the network's in the given characters; it isn't a probability that the word is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.alignment.ctc import Path, align
from speechgru.decoding import Hypothesis, hypothesis
from speechgru.decoding.hypothesis import Token
from speechgru.errors import AudioWarning, TextError
from speechgru.inference import CtcRecognizer, word_times
from speechgru.inference.emissions import Posteriors, posteriors
from speechgru.inference.job import Source
from speechgru.text import Vocabulary, spoken_form
from speechgru.text.spoken_form import Line, Unit
from speechgru.text.vocabulary import SPACE
from speechgru.transcript import Segment, Transcript, Word
from speechgru.writers import json as json_writer

FEW = 0.5  # of the text's words; where fewer are in the recording, the text is likely to be another one's


@dataclass(frozen=True)
class AlignedUnit:
    """Words of the text as written (nearly always one), and their times; None: the recording lacks them."""

    text: str
    word: Word | None


@dataclass(frozen=True, repr=False)
class Alignment:
    """All words of a text, line by line, and the `transcript` of those in the recording: a segment a line."""

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


def align_text(
    recognizer: CtcRecognizer,
    source: Source,
    text: str,
    on_progress: Callable[[float], None] | None = None,
) -> Alignment:
    """Find the words of `text` in a recording of any length.

    Args:
        source: a path, "-" for standard input, a binary file, or a `array.Sound` at the recognizer's rate.
        text: a line for each segment; a single line is cut into sentences.
        on_progress: called with the fraction of the recording that the network has processed.

    Raises:
        TextError: the text has no word, characters that the model can't write, or more characters than the
            recording has frames.
        AudioError: the recording can't be read.
    """
    lines = spoken_form.lines(text)
    units = list(chain.from_iterable(lines))
    words = _labels(units, recognizer.engine.vocabulary)
    emissions = posteriors(recognizer, source, on_progress)
    _check_length(words, len(emissions.log_probs), emissions.job.duration)
    path = align(emissions.log_probs, words, _space(recognizer.engine.vocabulary))
    timed = _words(units, words, path, emissions, recognizer)
    return _alignment(lines, timed, emissions.job.transcript(recognizer.model))


def _space(vocabulary: Vocabulary) -> int | None:
    return None if vocabulary.unknown(SPACE) else vocabulary.encode(SPACE)[0]


def _labels(units: Sequence[Unit], vocabulary: Vocabulary) -> list[list[int]]:
    """The labels of each unit; of several spoken words, with the space between them, if there is one."""
    if not units:
        raise TextError(
            "The text has no words that could be read out. Expected the English text that is spoken."
        )
    lacking = vocabulary.unknown("".join(unit.spoken for unit in units)) - {SPACE}
    if lacking:
        raise TextError(
            f"The text needs characters that the model doesn't write: {''.join(sorted(lacking))!r}. It writes "
            f"{''.join(vocabulary.symbols[1:])!r}. Choose another --model, or another spelling."
        )
    if vocabulary.unknown(SPACE):
        return [vocabulary.encode(unit.spoken.replace(SPACE, "")) for unit in units]
    return [vocabulary.encode(unit.spoken) for unit in units]


def _check_length(words: Sequence[Sequence[int]], frames: int, seconds: float) -> None:
    characters = sum(map(len, words))
    needed = characters + sum(a == b for word in words for a, b in pairwise(word))
    if needed > frames:
        raise TextError(
            f"The text is longer than the recording: its {characters} characters take at least {needed} frames, and "
            f"{seconds:.1f} s of sound have {frames}. Is it the text of this recording?"
        )


def _words(
    units: Sequence[Unit],
    labels: Sequence[Sequence[int]],
    path: Path,
    emissions: Posteriors,
    recognizer: CtcRecognizer,
) -> list[Word | None]:
    """Each unit with its times; None for those that the recording lacks."""
    symbols = recognizer.engine.vocabulary.symbols
    ends = np.cumsum([len(word) for word in labels])
    is_spoken = [bool(path.starts[end - 1] >= 0) for end in ends]
    tokens: list[Token] = []
    for word, end, spoken in zip(labels, ends, is_spoken, strict=True):
        if spoken:
            tokens += _tokens(word, path, int(end), emissions.log_probs, symbols)
    step, duration = recognizer.engine.frame_seconds, emissions.job.duration
    # Frame t is centred at t * step, so it begins half a frame before.
    words = hypothesis.words(Hypothesis("", tuple(tokens), path.score), step, -step / 2)
    if recognizer.times is not None:
        words = word_times.placed(words, emissions.silences, recognizer.times, (0.0, duration), step)
    timed = iter(words)
    return [
        _within(next(timed), unit.text, duration) if spoken else None
        for unit, spoken in zip(units, is_spoken, strict=True)
    ]


def _tokens(
    word: Sequence[int], path: Path, end: int, log_probs: NDArray[np.float32], symbols: Sequence[str]
) -> Iterator[Token]:
    """The characters of a word, without the spaces inside, and a space behind it."""
    place = slice(end - len(word), end)
    for label, a, b in zip(word, path.starts[place].tolist(), path.ends[place].tolist(), strict=True):
        if symbols[label] != SPACE:
            yield Token(symbols[label], a, b, min(1.0, float(np.exp(log_probs[a:b, label].max()))))
    yield Token(SPACE, b, b + 1, 1.0)


def _within(word: Word, text: str, duration: float) -> Word:
    """The first and the last frame may reach a little beyond the samples."""
    return replace(word, text=text, start=min(max(word.start, 0.0), duration), end=min(word.end, duration))


def _alignment(lines: Sequence[Line], timed: Sequence[Word | None], empty: Transcript) -> Alignment:
    words = iter(timed)
    aligned = tuple(tuple(AlignedUnit(unit.text, next(words)) for unit in line) for line in lines)
    segments = (tuple(unit.word for unit in line if unit.word is not None) for line in aligned)
    warnings = empty.warnings
    count = sum(word is not None for word in timed)
    if count < FEW * len(timed):
        text = f"only {count} of the text's {len(timed)} words were found. Is it the text of this recording?"
        warnings += (AudioWarning("mismatch", text),)
    transcript = replace(empty, segments=tuple(Segment(line) for line in segments if line), warnings=warnings)
    return Alignment(aligned, transcript)


def as_dict(alignment: Alignment) -> dict[str, Any]:
    """As `writers.json.as_dict` of the transcript, with all lines and words of the text.

    Each word has "spoken"; where that is false, its start and end are null and its confidence is 0. So are
    those of a line none of whose words were spoken.
    """
    plain = json_writer.as_dict(alignment.transcript)
    written = iter(plain["segments"])
    segments = []
    for line in alignment.lines:
        is_spoken = any(unit.word for unit in line)
        segment = next(written) if is_spoken else {"start": None, "end": None, "confidence": 0.0, "words": []}
        words = iter(segment["words"])
        units = [{**next(words), "spoken": True} if unit.word else _unspoken(unit.text) for unit in line]
        text = " ".join(unit.text for unit in line)
        segments.append({**segment, "text": text, "words": units})
    return {**plain, "text": " ".join(segment["text"] for segment in segments), "segments": segments}


def _unspoken(text: str) -> dict[str, Any]:
    return {"text": text, "start": None, "end": None, "confidence": 0.0, "spoken": False}
