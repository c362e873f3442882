"""From audio to transcript: read, cut, featurise, run, decode, join.

Pieces of many recordings wait in a pool, are sorted by length and run in batches: that is what makes many
short files fast. The pool is bounded in seconds, so memory is too; results come in the order of the sources.
A piece's words depend on that piece alone (the model ignores its neighbours in a batch), so neither order nor
batch size changes a transcript.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.audio import array
from speechgru.audio.energy import Signal
from speechgru.decoding import Decoder, Hypothesis, greedy, hypothesis
from speechgru.errors import AudioError, ConfigError, SpeechGruError
from speechgru.inference import select
from speechgru.inference.batching import POOLED_BATCHES, padded
from speechgru.inference.confidence import Calibration
from speechgru.inference.gate import Gate
from speechgru.inference.job import Job, Source
from speechgru.inference.pool import Pool
from speechgru.inference.protocols import Engine, SpeechDetector
from speechgru.inference.word_times import Times, corrected
from speechgru.text import Normaliser, normalize
from speechgru.transcript import Transcript, Word
from speechgru.utils import device as devices
from speechgru.utils.assets import find_model

Progress = Callable[[float], None]

BATCH_SIZE = 16
MIN_PIECE_SECONDS = 0.1  # shorter than any word


class Recognizer:
    """Turns recordings into transcripts with one engine and one decoder. Make one with `load_recognizer`.

    Attributes:
        sample_rate: the rate of the model, in Hz; sources of any other rate are resampled.
        model: what is written into each transcript.
        gate: what audio and words must reach to count as speech. It judges the words of greedy decoding, whatever
            the decoder: a language model makes words of noise too, and unsure ones of speech.
        times: how the network's runs of characters lie to the words; None leaves times as they are.
        calibration: what makes confidences probabilities; None leaves them as the decoder has them.
        detector: tells what holds speech at all, beside the gate's levels; None: these alone.
        languages: codes of what the model writes; none where it isn't known.
    """

    def __init__(
        self,
        engine: Engine,
        decoder: Decoder,
        *,
        batch_size: int = BATCH_SIZE,
        gate: Gate | None = None,
        times: Times | None = None,
        calibration: Calibration | None = None,
        detector: SpeechDetector | None = None,
        languages: Sequence[str] = (),
        model: str = "",
    ) -> None:
        self.engine = engine
        self.decoder = decoder
        self.batch_size = _checked_batch_size(batch_size)
        self.gate = gate or Gate()
        is_greedy = isinstance(decoder, greedy.Decoder)
        # The gate judges this one's words.
        self._greedy = decoder if is_greedy else greedy.Decoder(greedy.Settings(), engine.vocabulary)
        self.times = times
        self.calibration = calibration
        self.detector = detector
        self.languages = tuple(languages)
        self.model = model
        self.sample_rate = engine.sample_rate

    @cached_property
    def normaliser(self) -> Normaliser:
        """What makes texts and transcripts alike before errors are counted."""
        return normalize.normaliser_for(self.engine.vocabulary.symbols, self.languages)

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
        prepared: Any = source
        if array.is_array(source):
            prepared = array.from_array(source, sample_rate, self.sample_rate)
        elif not (isinstance(source, (str, Path)) or hasattr(source, "read")):
            raise AudioError(
                f"Got a {type(source).__name__}; expected a path, a binary file, an array or a tensor."
            )
        elif sample_rate is not None:
            raise AudioError(
                f"Got sample_rate={sample_rate} with {source}, but a file states its own rate. Leave it out.",
                source=source,
            )
        ((_, result),) = self.transcribe_many([prepared], on_progress=on_progress)
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
        batch_size = _checked_batch_size(self.batch_size if batch_size is None else batch_size)
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

    def recognize(self, signals: Sequence[Signal], starts: Sequence[float]) -> list[tuple[Word, ...]]:
        """Words of each of `signals` [time], run as one batch, that begin at `starts` seconds."""
        rows = zip(self.outputs(signals), signals, starts, strict=True)
        return [self._words(output, signal, start) for output, signal, start in rows]

    def may_hold_speech(self, signal: Signal) -> bool:
        """False for what is too short, too quiet or too steady to hold a word, or no speech to the detector."""
        if len(signal) < MIN_PIECE_SECONDS * self.sample_rate:
            return False
        if not self.gate.may_hold_speech(signal, self.sample_rate):
            return False
        return self.detector is None or self.detector.holds_speech(signal)

    def log_probs(self, signals: Sequence[Signal]) -> Iterator[NDArray[Any]]:
        """Log-probabilities [frames, symbols] of each signal, without padding."""
        for output in self.outputs(signals):
            yield self.characters(output)

    def characters(self, output: NDArray[Any]) -> NDArray[Any]:
        """The log-probabilities [frames, characters] of one signal's output."""
        return np.ascontiguousarray(output[:, : len(self.engine.vocabulary)])

    def decode(self, output: NDArray[Any]) -> Hypothesis:
        """The decoder's text of one signal's output."""
        return self.decoder(select.columns(self.decoder, output, len(self.engine.vocabulary)))

    def outputs(self, signals: Sequence[Signal]) -> Iterator[NDArray[Any]]:
        """The network's output for each signal, without padding: log-probabilities [frames, characters], or with a
        phone head [frames, characters + 1 + phones]."""
        import torch

        batch, lengths = array.pad(signals, padded(max(map(len, signals)), self.sample_rate))
        with torch.inference_mode():
            features = self.engine.features(batch.to(self.engine.device), lengths.to(self.engine.device))
            log_probs, frames = self.engine(*features)
        for row, count in zip(log_probs.float().cpu().numpy(), frames.tolist(), strict=True):
            yield row[:count]

    def _words(self, output: NDArray[Any], signal: Signal, start: float) -> tuple[Word, ...]:
        step = self.engine.frame_seconds
        best = self._greedy(self.characters(output))
        if not self.gate.accepts(hypothesis.words(best, step)):
            return ()
        if self.decoder is not self._greedy:
            best = self.decode(output)
        # Frame t is centred at t * frame_seconds, so it begins half a frame before.
        words = hypothesis.words(best, step, start - step / 2)
        if self.calibration is not None:
            words = self.calibration.apply(words, hypothesis.confidences(best))
        if self.times is not None:
            words = corrected(words, signal, self.sample_rate, self.times, step, start)
        return words

    def _rated(self, transcript: Transcript) -> Transcript:
        """With the error rate to be expected of it, where confidences are probabilities."""
        if self.calibration is None:
            return transcript
        return replace(transcript, expected_wer=self.calibration.expected_wer(transcript.words))


def load_recognizer(
    model: str | Path | None = None,
    device: str = "cpu",
    batch_size: int = BATCH_SIZE,
    decoder: str | None = None,
    rescore: str | Path | None = None,
    detector: str | Path | None = None,
    **settings: Any,
) -> Recognizer:
    """Load a model and make it ready to transcribe.

    Args:
        model: path of a checkpoint, or the name of one that comes with the package; by default english-small.
        device: "cpu", "cuda", "cuda:N", or "auto" for a GPU where there is one.
        batch_size: pieces of audio that run at once, at most.
        decoder: name of a decoder; by default the checkpoint's own.
        rescore: file of a GRU language model that chooses among the texts of the beam search.
        detector: file of a speech detector; what holds none for it isn't recognised.
        settings: of the decoder, over the checkpoint's own. Those of the beam search (which they choose, if no
            decoder is named): lm (name or file of a language model), lm_weight, word_bonus, hotwords (a list),
            hotword_weight, beam, and others; see speechgru.decoding.beam.Settings.

    Raises:
        CheckpointError: no such model, or the file isn't one.
        LanguageModelError: no such language model, or it doesn't fit the model.
        ConfigError: unknown device, decoder or setting; a hotword that the model can't write.
    """
    _checked_batch_size(batch_size)
    path = find_model(model)  # before the imports: a mistake is told at once
    from speechgru.inference.engine import Engine
    from speechgru.models import checkpoint

    device = devices.find(device)
    engine = Engine(checkpoint.load(path), device)
    header = engine.header
    wanted = decoder or (select.SEARCH if rescore else None)
    name, decode = select.decoder(header, wanted, settings)
    if rescore:
        from speechgru.decoding.rescoring import load_rescorer

        decode = load_rescorer(decode, rescore, engine.vocabulary.symbols, str(engine.device))
    return Recognizer(
        engine,
        decode,
        batch_size=batch_size,
        # All three differ from one network to the next: `speechgru model calibrate` learns them.
        gate=header.gate,
        times=header.times,
        calibration=header.confidence.get(name),
        detector=_detector(detector, engine),
        languages=header.languages,
        model=path.stem,
    )


def _detector(path: str | Path | None, engine: Engine) -> SpeechDetector | None:
    """The detector in a file, if one is named."""
    if path is None:
        return None
    from speechgru.vad import load_detector

    detector = load_detector(path, str(engine.device))
    if detector.sample_rate != engine.sample_rate:
        raise ConfigError(
            f"The detector {path} is for {detector.sample_rate} Hz and the model for {engine.sample_rate} Hz; expected "
            "the same."
        )
    return detector


def transcribe(
    source: Source,
    sample_rate: int | None = None,
    model: str | Path | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
) -> Transcript:
    """Transcribe one recording; for more than one, load a recognizer once. Arguments as there."""
    return load_recognizer(model, device).transcribe(source, sample_rate, on_progress)


def _checked_batch_size(batch_size: int) -> int:
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size}; expected 1 or more.")
    return batch_size
