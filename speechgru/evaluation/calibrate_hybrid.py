"""What a hybrid model's file needs beside its weights, learnt from dev speech: search, gate, confidence.

Halves and figures are as in `speechgru.evaluation.calibrate`. Times need nothing: the search knows when words begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.data import Utterance, read_audio
from speechgru.errors import SpeechGruError
from speechgru.evaluation import tune_confidence, tune_gate, wer
from speechgru.evaluation.calibrate_parts import MIN_NOISE, Options, Part, Progress
from speechgru.evaluation.halves import Named, of_sets
from speechgru.evaluation.tune_confidence import Reading
from speechgru.inference import hybrid
from speechgru.inference.hybrid import HybridRecognizer, ReadHybridHeader
from speechgru.inference.job import Job
from speechgru.mmi.search import Weights
from speechgru.models import checkpoint
from speechgru.transcript import Word

LM_WEIGHTS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
WORD_GAINS = (-0.5, 0.0, 0.5, 1.0)
PARTS = ("search", "gate", "confidence")
SEARCHED = 120  # utterances that weights are tried on
Words = tuple[Word, ...]


@dataclass(frozen=True)
class Sample:
    """An utterance, and what the search's last pass reads of it: [frames, outputs]."""

    utterance: Utterance
    outputs: NDArray[np.float16]


def calibrate(
    path: Path,
    sets: Mapping[str, Sequence[Utterance]],
    options: Options,
    device: str,
    on_progress: Progress,
) -> list[Part]:
    """Learn what `options.parts` name; `times` is passed over.

    Raises:
        CheckpointError: it is no hybrid model.
        SpeechGruError: too little speech or noise, or nothing better was learnt.
    """
    loaded = checkpoint.load(path)
    recognizer = hybrid.load(loaded, device, {"lm": options.lm} if options.lm else {})
    teaching, held = (_samples(recognizer, half, on_progress) for half in of_sets(sets, options.seed))
    work = Calibrator(recognizer, loaded.read(ReadHybridHeader), options, on_progress, teaching, held)
    parts = [getattr(work, name)() for name in PARTS if name in options.parts]
    if not any(part.entries for part in parts):
        told = "; ".join(f"{part.name}: {' '.join(part.lines)}" for part in parts)
        raise SpeechGruError(f"Nothing better was learnt, so nothing is stored. {told}")
    return parts


@dataclass
class Calibrator:
    """The work on one model. Each part is learnt with what those before it have chosen."""

    recognizer: HybridRecognizer
    header: ReadHybridHeader
    options: Options
    on_progress: Progress
    teaching: list[Sample]
    held: list[Sample]

    def search(self) -> Part:
        """The weight of the language model, then what a word gains: those with fewest errors of what teaches."""
        passes = self.recognizer.passes
        before = passes.weights
        few = self.teaching[:: max(len(self.teaching) // SEARCHED, 1)]
        chosen, least, tried = before, self._errors(few, before)[0], 0
        for name, values in (("lm", LM_WEIGHTS), ("word", WORD_GAINS)):
            base = chosen
            for value in values:
                weights = base._replace(lm=value) if name == "lm" else base._replace(word=value)
                errors = self._errors(few, weights)[0]
                tried += 1
                self.on_progress("search", tried / (len(LM_WEIGHTS) + len(WORD_GAINS)))
                if errors < least:
                    chosen, least = weights, errors
        rates = [errors / count for errors, count in (self._errors(self.held, w) for w in (before, chosen))]
        lines = [f"lm={chosen.lm:g} word={chosen.word:g}", "WER: {:.1%} before, {:.1%} after".format(*rates)]
        if chosen == before or rates[1] > rates[0]:
            return Part("search", {}, ("left as it is: no better weights were found;", *lines))
        passes.weights = chosen
        return Part("search", {"search": chosen._asdict()}, tuple(lines))

    def gate(self) -> Part:
        """What words must reach to count as speech."""
        paths = self.options.noise
        if not paths:
            return Part(
                "gate",
                {},
                ("left as it is: there are no recordings of noise to learn it from (--noise DIR).",),
            )
        if len(paths) < MIN_NOISE:
            raise SpeechGruError(f"There are {len(paths)} recordings of noise; expected {MIN_NOISE} or more.")
        before = self.recognizer.gate
        noise = [words for path in paths for words in self._noise(path)]
        speech, other = ([self._words(sample) for sample in half] for half in (self.teaching, self.held))
        after = tune_gate.choose(before, speech, noise[::2], self.options.lose)
        shares = [
            [1 - tune_gate.passing(gate, each) for gate in (before, after)]
            for each in (noise[1::2], [words for words in other if words])
        ]
        lines = (
            f"min_confidence={after.min_confidence:g} rate_weight={after.rate_weight:g}",
            "of noise silenced: {:.1%} before, {:.1%} after".format(*shares[0]),
            "of speech lost: {:.1%} before, {:.1%} after".format(*shares[1]),
        )
        self.recognizer.gate = after
        return Part("gate", {"gate": asdict(after)}, lines)

    def confidence(self) -> Part:
        """What makes the lattice's probabilities those of a word to be right."""
        teaching, held = (self._readings(half) for half in (self.teaching, self.held))
        calibration = tune_confidence.fit(teaching)
        old, new = (tune_confidence.reliability(held, c) for c in (self.header.calibration, calibration))
        lines = [", ".join(f"{name} {value:g}" for name, value in asdict(calibration).items())]
        for when, each in (("before", old), ("after", new)):
            lines += [f"{when}: {what}: {text}" for what, text in each.describe().items()]
        if new.calibration_error >= old.calibration_error:
            return Part("confidence", {}, ("left as it is: what was learnt does no better;", *lines))
        return Part("confidence", {"calibration": asdict(calibration)}, tuple(lines))

    def _errors(self, samples: Sequence[Sample], weights: Weights) -> tuple[int, int]:
        """Wrong words, and words of the references."""
        texts = [self.recognizer.passes.read(s.outputs.astype(np.float32), weights).text for s in samples]
        rows = wer.align([s.utterance.text for s in samples], texts, self.recognizer.normaliser)
        return sum(row.words.errors for row in rows), sum(row.words.total for row in rows)

    def _words(self, sample: Sample) -> Words:
        """As the search has them, with probabilities of the lattice."""
        passes = self.recognizer.passes
        return self.recognizer.words(passes.read(sample.outputs.astype(np.float32), passes.weights))

    def _noise(self, path: Path) -> list[Words]:
        """The words read in each piece of a recording of noise; none where its levels silence it already."""
        job, stretches = Job(path, self.recognizer.sample_rate), []
        for _, piece in job.pieces():
            loud = self.recognizer.gate.may_hold_speech(piece.samples, job.sample_rate)
            results = self.recognizer.passes([piece.samples]) if loud else []
            stretches.append(self.recognizer.words(results[0]) if results else ())
        if job.error is not None:
            raise job.error
        return stretches

    def _readings(self, samples: Sequence[Sample]) -> list[Reading]:
        """Of what gets past the gate."""
        readings = []
        for sample in samples:
            words = self._words(sample)
            if not self.recognizer.gate.accepts(words):
                continue
            text = " ".join(word.text for word in words)
            (row,) = wer.align([sample.utterance.text], [text], self.recognizer.normaliser)
            if len(row.hits) == len(words):  # the normaliser may join words or part them
                characters = tuple((word.confidence,) * len(word.text) for word in words)
                readings.append(Reading(words, characters, row.hits, row.words))
        return readings


def _samples(
    recognizer: HybridRecognizer, half: Sequence[Named], on_progress: Callable[[str, float], None]
) -> list[Sample]:
    samples = []
    for number, (_, utterance) in enumerate(half, start=1):
        signal = read_audio(utterance, recognizer.sample_rate).signal
        log_mel = recognizer.passes.inputs.raw(torch.from_numpy(signal))
        ((outputs, _),) = recognizer.passes.last_outputs([log_mel])
        samples.append(Sample(utterance, outputs.astype(np.float16)))
        on_progress("dev speech", number / len(half))
    return samples
