"""The emissions of a whole recording: the log-probabilities of its pieces on one grid of frames.

Pieces are cut as for transcribing (speechgru.inference.chunking), but each begins on a multiple of the network's
frame, so that frame t of the whole is centred at t * frame_seconds whichever piece it comes from. Where pieces overlap,
each keeps its own half. Pieces without speech aren't run; its frames are blank. Memory: a few pieces of sound at a
time, and the result, about 10 MB an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.energy import Signal
from speechgru.inference import word_times
from speechgru.inference.batching import BATCH_SECONDS, POOLED_BATCHES, batches
from speechgru.inference.ctc import CtcRecognizer
from speechgru.inference.job import Job, Source
from speechgru.inference.word_times import LEVEL_SECONDS, Silences
from speechgru.text.vocabulary import BLANK

BATCH_SHARE = 0.5  # of the seconds that run at once in transcribing: the aligner wants memory too
LogMel = Callable[[Signal], NDArray[np.float32]]
SKIPPED_BLANK = 0.999  # probability of the blank where nothing was run


@dataclass(frozen=True)
class Posteriors:
    """`log_probs` [frames, symbols], natural logs, of `job`, which has been read.

    `phones` [frames, phones], blank first, are those of the phone head; None without one.
    `silences` [pauses, 2], in seconds, are those that count for the recognizer's `times`; none without.
    `pieces` has the pieces that hold speech, where a second model's features were asked for.
    """

    log_probs: NDArray[np.float32]
    job: Job
    silences: Silences
    phones: NDArray[np.float32] | None = None
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A piece for a second model: its raw `log_mel` [T, bands], float16 (an hour has 58 MB), that begins at `begin` s;
    what is before `seam` s belongs to the piece before."""

    begin: float
    seam: float
    log_mel: NDArray[np.float16]


@dataclass(frozen=True)
class _Part:
    """A piece on its way: its first frame on the grid, and the first that isn't left to the piece before."""

    index: int
    first: int
    seam: int
    samples: Signal


def posteriors(
    recognizer: CtcRecognizer,
    source: Source,
    on_progress: Callable[[float], None] | None = None,
    log_mel: LogMel | None = None,
) -> Posteriors:
    """Run the network of `recognizer` over `source`: a path, "-", a binary file or a `Sound` at its rate.

    Args:
        log_mel: a second model's features of samples [time], which are kept too.

    Raises:
        AudioError: the recording can't be read.
    """
    job = Job(source, recognizer.sample_rate)
    silences: list[tuple[float, Silences]] = []
    pieces: list[tuple[int, int, NDArray[np.float32]]] = []
    kept: dict[int, Piece] = {}
    step = recognizer.engine.frame_seconds
    for part, rows in _emissions(recognizer, _parts(recognizer, job, silences)):
        # The frames alone: the part holds its samples, and the rows are a view of their whole batch.
        pieces.append((part.index, part.seam, rows[part.seam - part.first :].copy()))
        if log_mel is not None:
            frames = log_mel(part.samples).astype(np.float16)
            kept[part.index] = Piece(part.first * step, part.seam * step, frames)
        job.add(part.index, ())
        if on_progress is not None:
            on_progress(job.fraction)
    if job.error is not None:
        raise job.error
    count = max([round(job.duration / step), *(seam + len(rows) for _, seam, rows in pieces)])
    symbols = len(recognizer.engine.vocabulary)
    columns = pieces[0][2].shape[1] if pieces else symbols
    silent = _blank(symbols) if columns == symbols else np.append(_blank(symbols), _blank(columns - symbols))
    output = np.tile(silent, (count, 1))
    for _, seam, rows in sorted(pieces, key=lambda entry: entry[0]):
        output[seam : seam + len(rows)] = rows
    if on_progress is not None:
        on_progress(1.0)
    log_probs = np.ascontiguousarray(output[:, :symbols])
    phones = np.ascontiguousarray(output[:, symbols:]) if columns > symbols else None
    return Posteriors(
        log_probs, job, _joined(silences), phones, tuple(piece for _, piece in sorted(kept.items()))
    )


def _blank(symbols: int) -> NDArray[np.float32]:
    """Log-probabilities of a frame without speech."""
    row = np.full(symbols, (1 - SKIPPED_BLANK) / (symbols - 1), np.float32)
    row[BLANK] = SKIPPED_BLANK
    return np.log(row)


def _parts(recognizer: CtcRecognizer, job: Job, silences: list[tuple[float, Silences]]) -> Iterator[_Part]:
    """The pieces that may hold speech, each from the first frame of the grid that begins in it.

    To `silences` go those of each piece, with the second from which on they count.
    """
    size = round(recognizer.engine.frame_seconds * job.sample_rate)
    for index, piece in job.pieces():
        if recognizer.times is not None:
            pauses = word_times.silences(piece.samples, job.sample_rate, recognizer.times, piece.start)
            silences.append((piece.start + piece.overlap / 2, pauses))
        begin = round(piece.start * job.sample_rate)
        first = -(-begin // size)
        seam = max(first, round((piece.start + piece.overlap / 2) * job.sample_rate / size))
        samples = piece.samples[first * size - begin :]
        if recognizer.may_hold_speech(samples):
            yield _Part(index, first, seam, samples)
        else:
            job.add(index, ())


def _emissions(
    recognizer: CtcRecognizer, parts: Iterator[_Part]
) -> Iterator[tuple[_Part, NDArray[np.float32]]]:
    """Each part with its log-probabilities [frames, symbols + phones], run in batches of about the same length."""
    batch_seconds = BATCH_SHARE * BATCH_SECONDS.get(recognizer.engine.device.type, BATCH_SECONDS["cpu"])
    waiting: list[_Part] = []
    seconds = 0.0
    for part in parts:
        waiting.append(part)
        seconds += len(part.samples) / recognizer.sample_rate
        if seconds >= POOLED_BATCHES * batch_seconds:
            yield from _run(recognizer, waiting, batch_seconds)
            waiting, seconds = [], 0.0
    yield from _run(recognizer, waiting, batch_seconds)


def _run(
    recognizer: CtcRecognizer, waiting: list[_Part], batch_seconds: float
) -> Iterator[tuple[_Part, NDArray[np.float32]]]:
    signals = [part.samples for part in waiting]
    for batch in batches(signals, recognizer.sample_rate, batch_seconds, recognizer.batch_size):
        rows = recognizer.outputs([signals[number] for number in batch])
        yield from zip([waiting[number] for number in batch], rows, strict=True)


def _joined(parts: Sequence[tuple[float, Silences]]) -> Silences:
    """The silences of all pieces, each piece's from its own second on; what a cut parted is one again."""
    joined: list[list[float]] = []
    for number, (begin, silences) in enumerate(parts):
        end = parts[number + 1][0] if number + 1 < len(parts) else np.inf
        for start, stop in silences.clip(begin, end).tolist():
            if joined and start - joined[-1][1] <= 2 * LEVEL_SECONDS:
                joined[-1][1] = stop
            elif start < stop:
                joined.append([start, stop])
    return np.array(joined, np.float64).reshape(-1, 2)
