"""From audio to transcript with a hybrid model: two passes over a tree of words, a lattice, gate, confidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Unpack

import torch

from speechgru.audio.energy import Signal
from speechgru.errors import ConfigError
from speechgru.inference import select
from speechgru.inference.confidence import Calibration
from speechgru.inference.gate import Gate
from speechgru.inference.recognizer import Common, Recognizer
from speechgru.lm import ngram
from speechgru.lm.table import SPECIAL
from speechgru.mmi import model_file
from speechgru.mmi.model_file import HybridHeader
from speechgru.mmi.recognizer import Recognition, TwoPass
from speechgru.models import Checkpoint
from speechgru.text.normalize import ENGLISH
from speechgru.transcript import Word
from speechgru.utils import assets, schema, threads


@dataclass(frozen=True, kw_only=True)
class ReadHybridHeader(HybridHeader):
    """The header of a hybrid model, with what makes its words a transcript.

    gate: what words must reach to count as speech. calibration: what makes their probabilities in the lattice those to
    be right; None: not known. detector: name of a packaged detector of speech, whose "no" is believed; "": of none. A
    search that knows words only finds some in any noise.
    """

    gate: Gate = field(default_factory=Gate)
    calibration: Calibration | None = None
    detector: str = ""


@dataclass(frozen=True)
class Settings:
    """How a hybrid model is read.

    lm: name or file of a language model; "": the model's own. lm_weight, word_bonus: None: the model's own. beam:
    states kept at a time; 0: as the model has it. hotwords: favoured words and phrases; each of a phrase's words is.
    hotword_weight: added for each letter of a hotword, in nats.
    """

    lm: str = ""
    lm_weight: float | None = None
    word_bonus: float | None = None
    beam: int = 0
    hotwords: tuple[str, ...] = ()
    hotword_weight: float = 0.1


class HybridRecognizer(Recognizer):
    """Turns recordings into transcripts with a hybrid model.

    Args:
        passes: see `speechgru.mmi.recognizer`.
    """

    def __init__(self, passes: TwoPass, device: str = "cpu", **common: Unpack[Common]) -> None:
        super().__init__(passes.model.features.sample_rate, device, **common)
        self.passes = passes
        if device == "cpu":
            self.workers = torch.get_num_threads()

    @cached_property
    def symbols(self) -> Collection[str]:
        """The characters of its words, and the space between them."""
        return {" "}.union(*self.passes.words[len(SPECIAL) :])

    def recognize(self, signals: Sequence[Signal], starts: Sequence[float]) -> list[tuple[Word, ...]]:
        """Words of each of `signals` [time], run as one batch, that begin at `starts` seconds.

        On a CPU each thread takes a part of the batch: most of the time goes to what doesn't gain by several threads.
        """
        results = threads.map_parts(self.passes, signals, self.workers)
        return [self._accepted(result, start) for result, start in zip(results, starts, strict=True)]

    def words(self, result: Recognition, start: float = 0.0) -> tuple[Word, ...]:
        """The words of a result that begins at `start` seconds, as probable as they are in the lattice."""
        rows = zip(result.words, result.begins, result.ends, result.confidences, strict=True)
        return tuple(Word(text, start + begin, start + end, sure) for text, begin, end, sure in rows)

    def _accepted(self, result: Recognition, start: float) -> tuple[Word, ...]:
        words = self.words(result, start)
        if not self.gate.accepts(words):
            return ()
        if self.calibration is None:
            return words
        return self.calibration.apply(words, [[word.confidence] * len(word.text) for word in words])


def load(
    loaded: Checkpoint, device: str, settings: Mapping[str, Any], **common: Unpack[Common]
) -> HybridRecognizer:
    """The recognizer of a hybrid model's file.

    Raises:
        CheckpointError: it is of another kind, or its parts don't fit together.
        ConfigError: there is no such setting, or it makes no sense.
    """
    header = loaded.read(ReadHybridHeader)
    model = model_file.of(loaded)
    model.network.to(device)
    wanted = schema.build(Settings, settings, "the hybrid model's search")
    if "hotword_weight" in settings and not wanted.hotwords:
        raise ConfigError("hotword_weight does nothing without hotwords. Give both, or neither.")
    weights = model.weights
    if wanted.lm_weight is not None:
        weights = weights._replace(lm=wanted.lm_weight)
    if wanted.word_bonus is not None:
        weights = weights._replace(word=wanted.word_bonus)
    if wanted.beam:
        weights = weights._replace(width=wanted.beam)
    words = {word for phrase in wanted.hotwords for word in select.spoken(phrase, ENGLISH).split()}
    gains = {word: wanted.hotword_weight * len(word) for word in words}
    lm = ngram.load(assets.find_lm(wanted.lm or header.lm))
    common = {"gate": header.gate, "calibration": header.calibration, "languages": header.languages, **common}
    return HybridRecognizer(TwoPass(model, lm, weights, gains), device, **common)
