"""A network's word times, learnt from recordings in which it is known when words begin and end.

Any transcribed speech has such: where an utterance stands out of its background, level tells when its first word begins
and its last one ends. Utterances of one speaker are put together two by two, as they are (with a pause between them)
and trimmed (without one), and the words are placed by forced alignment, so that misrecognition doesn't matter. The
numbers of `speechgru.inference.word_times.Times` with the least mean error are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.energy import Signal, floor_and_top, levels
from speechgru.decoding import Hypothesis, ctc, hypothesis
from speechgru.decoding.hypothesis import Token
from speechgru.inference import CtcRecognizer, word_times
from speechgru.inference.word_times import Silences, Span, Times
from speechgru.text.vocabulary import SPACE
from speechgru.transcript import Word

TRIM_SECONDS = 0.01  # frames in which a recording is trimmed
TRIM_SHARE, TRIM_MIN_DB, TRIM_MIN_RANGE_DB = 0.25, 6.0, 20.0
EDGE_SECONDS = 0.05  # speech that comes closer to the edge of a recording may have been cut off
NOISE = 1e-4  # of what is put around trimmed recordings, full scale being 1
MARGIN_SECONDS = 0.5
AT_ONCE = 2  # utterances in a joined recording
CAP_SECONDS = 0.2  # no error counts for more
GRID = {
    "start": np.arange(-0.12, 0.121, 0.02),
    "end": np.arange(-0.04, 0.201, 0.02),
    "reach": np.array([0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]),
    "quiet": np.array([0.15, 0.2, 0.25, 0.3, 0.35]),
}
FIRST = Times(start=0.0, end=0.06, reach=0.25, quiet=0.25)
UNKNOWN = float("nan")


@dataclass(frozen=True)
class Clip:
    """Joined recordings [time], the words that are spoken in them and where, in seconds; NaN: not known."""

    kind: str
    signal: Signal
    words: tuple[str, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Placed:
    """The words of a clip over their runs of characters, and where they are really, in seconds.

    silences: those of the clip by the `quiet` of `Times`. seconds: its length.
    """

    kind: str
    words: tuple[Word, ...]
    spans: tuple[Span, ...]
    silences: Mapping[float, Silences]
    seconds: float


Part = tuple[
    Signal, list[str], tuple[int, int]
]  # a recording, its words, the first and last sample of its speech
Correct = Callable[[Placed], Sequence[Word]]


def trimmed(signal: Signal, rate: int) -> tuple[int, int] | None:
    """First and last sample of the speech in `signal`; None where it doesn't stand out of its background."""
    level = levels(signal, rate, TRIM_SECONDS)
    floor, top = floor_and_top(level)
    if top - floor < TRIM_MIN_RANGE_DB:
        return None
    loud = level > floor + max(TRIM_MIN_DB, TRIM_SHARE * (top - floor))
    steady = np.flatnonzero(np.convolve(loud, np.ones(3), "same") >= 2)  # a click is no speech
    if not len(steady):
        return None
    size = round(TRIM_SECONDS * rate)
    start, end = int(steady[0]) * size, (int(steady[-1]) + 1) * size
    return (start, end) if start > EDGE_SECONDS * rate and end < len(signal) - EDGE_SECONDS * rate else None


def clips(recordings: Iterable[tuple[Signal, str]], rate: int) -> Iterator[Clip]:
    """Recordings (signal [time] at `rate` Hz, text) put together, of those whose ends are known.

    The recordings are one speaker's; a rest is left out.
    """
    good = [(signal, text.split(), span) for signal, text in recordings if (span := trimmed(signal, rate))]
    margin = (NOISE * np.random.default_rng(0).standard_normal(round(MARGIN_SECONDS * rate))).astype(
        np.float32
    )
    for first in range(0, len(good) - AT_ONCE + 1, AT_ONCE):
        group = good[first : first + AT_ONCE]
        yield _joined("apart", group, rate)
        tight = [(signal[slice(*span)], words, (0, span[1] - span[0])) for signal, words, span in group]
        outside: Part = (margin, [], (0, 0))
        yield _joined("joined", [outside, *tight, outside], rate)


def _joined(kind: str, parts: Sequence[Part], rate: int) -> Clip:
    words: list[str] = []
    spans: list[Span] = []
    position = 0
    for signal, spoken, (start, end) in parts:
        begins, ends = [UNKNOWN] * len(spoken), [UNKNOWN] * len(spoken)
        if spoken:
            begins[0], ends[-1] = (position + start) / rate, (position + end) / rate
        words += spoken
        spans += zip(begins, ends, strict=True)
        position += len(signal)
    return Clip(kind, np.concatenate([signal for signal, _, _ in parts]), tuple(words), tuple(spans))


def place(recognizer: CtcRecognizer, clip: Clip, quiets: Iterable[float]) -> Placed | None:
    """The words of `clip` by forced alignment; None where the network can't write them, or not in so few frames.

    Args:
        quiets: for which the silences are wanted.
    """
    vocabulary, step, rate = (
        recognizer.engine.vocabulary,
        recognizer.engine.frame_seconds,
        recognizer.sample_rate,
    )
    text = (SPACE if SPACE in vocabulary.symbols else "").join(clip.words)
    if vocabulary.unknown(text):
        return None
    labels = np.array(vocabulary.encode(text), np.int64)
    log_probs = next(recognizer.log_probs([clip.signal])).astype(np.float64)
    if len(log_probs) < len(labels) + int((labels[1:] == labels[:-1]).sum()):
        return None
    runs = zip(*ctc.align(log_probs, labels, -1), strict=True)
    tokens = tuple(
        Token(symbol, int(start), int(end), float(np.exp(peak)))
        for symbol, (start, end, peak) in zip(text, runs, strict=True)
    )
    words = hypothesis.words(Hypothesis(text, tokens, 0.0), step, -step / 2)
    if len(words) != len(clip.words):
        return None
    silences = {
        quiet: word_times.silences(clip.signal, rate, replace(FIRST, quiet=quiet)) for quiet in quiets
    }
    return Placed(clip.kind, words, clip.spans, silences, len(clip.signal) / rate)


def corrector(times: Times, frame_seconds: float) -> Correct:
    """What places the words of a clip by `times`; its silences for `times.quiet` must be at hand."""
    return lambda item: word_times.placed(
        item.words, item.silences[times.quiet], times, (0.0, item.seconds), frame_seconds
    )


def quiets(times: Times | None = None) -> list[float]:
    """All values of `quiet` that `learn` tries, and that of `times`."""
    return sorted({round(float(value), 3) for value in GRID["quiet"]} | ({times.quiet} if times else set()))


def learn(items: Sequence[Placed], frame_seconds: float) -> Times:
    """The best of GRID, one number after the other, twice."""
    times, best = FIRST, np.inf
    for name, values in [*GRID.items(), *GRID.items()]:
        tried = [replace(times, **{name: round(float(value), 3)}) for value in values]
        losses = [_loss(items, corrector(candidate, frame_seconds)) for candidate in tried]
        if min(losses) < best:
            best, times = min(losses), tried[int(np.argmin(losses))]
    return times


def errors(items: Iterable[Placed], correct: Correct) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Signed errors of the starts and of the ends that are known, in seconds; positive is late."""
    rows = [
        (word.start - start, word.end - end)
        for item in items
        for word, (start, end) in zip(correct(item), item.spans, strict=True)
    ]
    starts, ends = np.array(rows, np.float64).reshape(-1, 2).T
    return starts[~np.isnan(starts)], ends[~np.isnan(ends)]


def _loss(items: Sequence[Placed], correct: Correct) -> float:
    """Mean absolute error in seconds, capped; each kind of clip and each kind of end counts alike."""
    kinds = sorted({item.kind for item in items})
    parts = [errors((item for item in items if item.kind == kind), correct) for kind in kinds]
    return float(
        np.mean(
            [np.minimum(np.abs(each), CAP_SECONDS).mean() for both in parts for each in both if len(each)]
        )
    )
