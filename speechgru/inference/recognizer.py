"""From audio to transcript, whatever recognizes: read, cut, recognize, join.

Pieces of many recordings wait in a pool, are sorted by length and run in batches: that is what makes many
short files fast. The pool is bounded in seconds, so memory is too; results come in the order of the sources.
A piece's words depend on that piece alone (the model ignores its neighbours in a batch), so neither order nor
batch size changes a transcript.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypedDict, Unpack

from speechgru.audio.energy import Signal
from speechgru.errors import ConfigError, SpeechGruError
from speechgru.inference.batching import POOLED_BATCHES
from speechgru.inference.confidence import Calibration
from speechgru.inference.gate import Gate
from speechgru.inference.job import Job, Source, prepared
from speechgru.inference.pool import Pool
from speechgru.inference.protocols import SpeechDetector
from speechgru.text import Normaliser, normalize
from speechgru.transcript import Transcript, Word

Progress = Callable[[float], None]

BATCH_SIZE = 16
MIN_PIECE_SECONDS = 0.1  # shorter than any word


class Common(TypedDict, total=False):
    """What every recognizer takes; see its attributes."""

    batch_size: int
    gate: Gate | None
    calibration: Calibration | None
    detector: SpeechDetector | None
    languages: Sequence[str]
    model: str


class Recognizer(ABC):
    """Turns recordings into transcripts, piece by piece. `load_recognizer` makes one.

    Attributes:
        sample_rate: of the pieces, in Hz; sources of any other rate are resampled.
        device: "cpu" or "cuda", where the pieces are recognized.
        model: what is written into each transcript.
        gate: what audio and words must reach to count as speech.
        calibration: what makes confidences probabilities; None leaves them as they are.
        detector: tells what holds speech at all, beside the gate's levels; None: these alone.
        languages: codes of what the model writes; none where it isn't known.
        workers: threads that share a batch, each with a part of it.
    """

    workers = 1

    def __init__(self, sample_rate: int, device: str = "cpu", **common: Unpack[Common]) -> None:
        self.sample_rate, self.device = sample_rate, device
        self.batch_size = checked_batch_size(common.get("batch_size", BATCH_SIZE))
        self.gate = common.get("gate") or Gate()
        self.calibration = common.get("calibration")
        self.detector = common.get("detector")
        self.languages = tuple(common.get("languages", ()))
        self.model = common.get("model", "")

    @property
    @abstractmethod
    def symbols(self) -> Collection[str]:
        """The characters that it writes; those of more than one (the blank) don't count."""

    @cached_property
    def normaliser(self) -> Normaliser:
        """What makes texts and transcripts alike before errors are counted."""
        return normalize.normaliser_for(self.symbols, self.languages)

    @abstractmethod
    def recognize(self, signals: Sequence[Signal], starts: Sequence[float]) -> list[tuple[Word, ...]]:
        """Words of each of `signals` [time], run as one batch, that begin at `starts` seconds."""

    def transcribe(
        self, source: Source, sample_rate: int | None = None, on_progress: Progress | None = None
    ) -> Transcript:
        """Transcribe one recording of any length.

        Args:
            source: a path, "-" for standard input, a binary file, or an array or tensor: [time] or
                [channels, time], floats in [-1, 1] or integers.
            sample_rate: of an array, in Hz. A file states its own.
            on_progress: called with the fraction done, rising in [0, 1], at last with 1.0.

        Raises:
            AudioError: the recording can't be read; an array without its rate; a rate for a file.
        """
        sources = [prepared(source, sample_rate, self.sample_rate)]
        ((_, result),) = self.transcribe_many(sources, on_progress=on_progress)
        if isinstance(result, SpeechGruError):
            raise result
        return result

    def transcribe_many(
        self,
        sources: Iterable[Source],
        batch_size: int | None = None,
        on_progress: Progress | None = None,
        on_segments: Callable[[Transcript], None] | None = None,
    ) -> Iterator[tuple[Source, Transcript | SpeechGruError]]:
        """Transcribe many recordings; yields each source with its transcript or the error that stopped it.

        Results come in the order of `sources`, which is read lazily.

        Args:
            sources: paths, binary files, or arrays [time] that are at `self.sample_rate` already.
            batch_size: pieces that run at once, at most; the recognizer's own where None.
            on_progress: called with the fraction of all sources that is done, if `sources` has a length.
            on_segments: called with the segments of the source in work that are final since the last call, as a
                transcript of these alone; the last ones come with the result only. Work is done in smaller steps then.
        """
        batch_size = checked_batch_size(self.batch_size if batch_size is None else batch_size)
        pool = Pool(self, batch_size, POOLED_BATCHES if on_segments is None else 1)
        waiting: deque[Job] = deque()
        count = len(sources) if isinstance(sources, Sequence) else 0
        finished = 0

        def report() -> None:
            if on_progress is not None and count:
                on_progress((finished + sum(job.fraction for job in waiting)) / count)

        told = 0  # segments of waiting[0]

        def tell() -> None:
            nonlocal told
            if on_segments is not None and waiting and not waiting[0].is_done:
                settled = waiting[0].settled(self.model)
                if settled.segments[told:]:
                    on_segments(replace(settled, segments=settled.segments[told:]))
                    told = len(settled.segments)

        def results() -> Iterator[tuple[Source, Transcript | SpeechGruError]]:
            nonlocal finished, told
            while waiting and waiting[0].is_done:
                job = waiting.popleft()
                finished, told = finished + 1, 0
                report()
                yield job.source, job.error or self._rated(job.transcript(self.model))

        for source in sources:
            waiting.append(Job(source, self.sample_rate))
            for _ in pool.read(waiting[-1]):
                report()
                tell()
            yield from results()
        for _ in pool.run():
            report()
            tell()
        yield from results()

    def may_hold_speech(self, signal: Signal) -> bool:
        """False for what is too short, too quiet or too steady to hold a word, or no speech to the detector."""
        if len(signal) < MIN_PIECE_SECONDS * self.sample_rate:
            return False
        if not self.gate.may_hold_speech(signal, self.sample_rate):
            return False
        return self.detector is None or self.detector.holds_speech(signal)

    def _rated(self, transcript: Transcript) -> Transcript:
        """With the error rate to be expected of it, where confidences are probabilities."""
        if self.calibration is None:
            return transcript
        return replace(transcript, expected_wer=self.calibration.expected_wer(transcript.words))


def checked_batch_size(batch_size: int) -> int:
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size}; expected 1 or more.")
    return batch_size
