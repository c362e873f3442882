"""From audio to transcript with a model that CTC trained: features, network, decoder, gate, confidence, times."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.energy import Signal
from speechgru.decoding import Decoder, Hypothesis, greedy, hypothesis
from speechgru.inference import select
from speechgru.inference.protocols import Engine
from speechgru.inference.recognizer import Common, Recognizer
from speechgru.inference.word_times import Times, corrected
from speechgru.transcript import Word


class CtcRecognizer(Recognizer):
    """Turns recordings into transcripts with one engine and one decoder.

    Attributes:
        times: how the network's runs of characters lie to the words; None leaves times as they are.
        gate: as of any recognizer. It judges the words of greedy decoding, whatever the decoder: a language model makes
            words of noise too, and unsure ones of speech.
    """

    def __init__(
        self, engine: Engine, decoder: Decoder, *, times: Times | None = None, **common: Unpack[Common]
    ) -> None:
        super().__init__(engine.sample_rate, engine.device.type, **common)
        self.engine = engine
        self.decoder = decoder
        is_greedy = isinstance(decoder, greedy.Decoder)
        # The gate judges this one's words.
        self._greedy = decoder if is_greedy else greedy.Decoder(greedy.Settings(), engine.vocabulary)
        self.times = times

    @property
    def symbols(self) -> Collection[str]:
        """The characters that it writes, and the blank."""
        return self.engine.vocabulary.characters

    def recognize(self, signals: Sequence[Signal], starts: Sequence[float]) -> list[tuple[Word, ...]]:
        """Words of each of `signals` [time], run as one batch, that begin at `starts` seconds."""
        rows = zip(self.outputs(signals), signals, starts, strict=True)
        return [self._words(output, signal, start) for output, signal, start in rows]

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
        return self.engine.run(signals)

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
