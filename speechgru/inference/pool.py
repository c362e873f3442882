"""Pieces of many recordings that wait for a batch, so that those of about one length run together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from speechgru.audio.energy import Signal
from speechgru.errors import SpeechGruError
from speechgru.inference.batching import BATCH_SECONDS, batches
from speechgru.inference.job import Job
from speechgru.transcript import Word


class Recognizes(Protocol):
    """What the pool asks of a recognizer."""

    device: str
    sample_rate: int
    workers: int

    def may_hold_speech(self, signal: Signal) -> bool: ...

    def recognize(self, signals: Sequence[Signal], starts: Sequence[float]) -> list[tuple[Word, ...]]: ...


class Pool:
    """Pieces that wait for a batch. Bounded: it runs when it holds audio for `pooled` batches."""

    def __init__(self, recognizer: Recognizes, batch_size: int, pooled: int) -> None:
        self._recognizer = recognizer
        self._batch_size = batch_size
        self._entries: list[tuple[Job, int, Signal]] = []
        self._seconds = 0.0
        seconds = BATCH_SECONDS.get(recognizer.device, BATCH_SECONDS["cpu"])
        self._batch_seconds = seconds * recognizer.workers
        self._most_seconds = pooled * self._batch_seconds

    def read(self, job: Job) -> Iterator[None]:
        """Take in all pieces of a recording; yields after each batch that had to run meanwhile."""
        for index, piece in job.pieces():
            if not self._recognizer.may_hold_speech(piece.samples):
                job.add(index, ())
                continue
            self._entries.append((job, index, piece.samples))
            self._seconds += len(piece.samples) / job.sample_rate
            if self._seconds >= self._most_seconds:
                yield from self.run()

    def run(self) -> Iterator[None]:
        """Recognise everything, longest first; yields after each batch."""
        entries = [entry for entry in self._entries if entry[0].error is None]
        self._entries, self._seconds = [], 0.0
        signals = [signal for _, _, signal in entries]
        rate = self._recognizer.sample_rate
        for numbers in batches(signals, rate, self._batch_seconds, self._batch_size):
            batch = [entries[number] for number in numbers]
            starts = [job.start(index) for job, index, _ in batch]
            try:
                results = self._recognizer.recognize([signal for _, _, signal in batch], starts)
            except SpeechGruError as error:  # out of memory on a GPU
                for job, _, _ in batch:
                    job.error = error
            else:
                for (job, index, _), words in zip(batch, results, strict=True):
                    job.add(index, words)
            yield
