"""The four parts of a calibration: each is learnt from one half of the dev speech and measured on the other.

What can't be learnt, or does no better on the other half, is left as it is, and its lines tell why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.data import Utterance, read_audio
from speechgru.decoding import Decoder, beam, greedy, hypothesis
from speechgru.errors import ConfigError, CorpusError, LanguageModelError, SpeechGruError
from speechgru.evaluation import tune_confidence, tune_gate, tune_lm, tune_times, wer
from speechgru.evaluation.tune_confidence import Reading
from speechgru.evaluation.tune_times import Placed
from speechgru.inference import CtcRecognizer, select
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.inference.chunking import MAX_SECONDS
from speechgru.inference.gate import Gate
from speechgru.inference.job import Job
from speechgru.transcript import Word
from speechgru.utils.assets import language_models

PARTS = ("gate", "search", "confidence", "times")
MIN_NOISE = 20  # recordings
MIN_CLIPS = 5  # of either half, in which it is known when words begin and end
MAX_CLIPS = 120  # more teach next to nothing, and cost a run of the network each
LOSE = 0.01
TRIALS = 60


@dataclass(frozen=True)
class Options:
    """What is learnt, and how.

    parts: of PARTS.
    noise: recordings without speech, for the gate.
    lm: name of the packaged language model to search with; "" leaves the search as it is. None: the model's own, or
        `english` where it writes English.
    lose: share of the speech that the gate may silence.
    trials: settings of the search to try.
    seed: of the halves and of the trials.
    """

    parts: tuple[str, ...] = PARTS
    noise: tuple[Path, ...] = ()
    lm: str | None = None
    lose: float = LOSE
    trials: int = TRIALS
    seed: int = 0


@dataclass(frozen=True)
class Part:
    """What was learnt: its name, the entries of the header (none: nothing was), and lines for people."""

    name: str
    entries: dict[str, Any]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """An utterance of a set, and the network's output for it: log-probabilities [frames, characters + phones]."""

    set: str
    utterance: Utterance
    output: NDArray[np.float32]


Progress = Callable[[str, float], None]


@dataclass
class Calibrator:
    """The work on one model. Each part is learnt with what those before it have chosen."""

    recognizer: CtcRecognizer
    header: AcousticHeader
    options: Options
    on_progress: Progress
    teaching: list[Sample]
    held: list[Sample]
    gate: Gate = field(init=False)
    search: beam.Settings | None = field(init=False)

    def __post_init__(self) -> None:
        self.gate, self.confidence = self.header.gate, dict(self.header.confidence)
        stored = select.search(self.header)
        self.search = beam.Settings(**stored) if stored else None
        self.lm = _language_model(self.header) if self.options.lm is None else self.options.lm
        self.greedy = greedy.Decoder(greedy.Settings(), self.recognizer.engine.vocabulary)

    def parts(self) -> Iterator[Part]:
        """Those that are asked for, in the order of PARTS."""
        for name in PARTS:
            if name in self.options.parts:
                try:
                    yield getattr(self, f"_{name}")()
                except _LeftError as error:
                    yield Part(name, {}, (f"left as it is: {error}",))

    def _gate(self) -> Part:
        """Chosen on what greedy decoding reads: a language model makes words of noise too."""
        noise = self._noise()
        before = self.gate
        speech, other = ([self._words(s.output) for s in half] for half in (self.teaching, self.held))
        other = [words for words in other if words]
        if not (other and any(speech)):
            raise _LeftError("greedy decoding reads no words in the dev speech.")
        after = tune_gate.choose(before, speech, noise[::2], self.options.lose)
        lines = [_numbers(before, after, "min_confidence", "rate_weight")]
        better = []
        for what, stretches in (("of noise silenced", noise[1::2]), ("of speech lost", other)):
            old, new = (1 - tune_gate.passing(gate, stretches) for gate in (before, after))
            lines.append(f"{what}: {old:.1%} before, {new:.1%} after, of {len(stretches)} stretches")
            better.append(new > old if stretches is not other else new < old)
        if not any(better):
            raise _LeftError("what was learnt does no better; " + "; ".join(lines))
        self.gate = after
        return Part("gate", {"gate": asdict(after)}, tuple(lines))

    def _noise(self) -> tune_gate.Stretches:
        """The words read in each piece of the recordings of noise; none where its levels silence it already."""
        paths = self.options.noise
        if not paths:
            raise _LeftError("there are no recordings of noise to learn it from (--noise DIR).")
        if len(paths) < MIN_NOISE:
            raise SpeechGruError(f"There are {len(paths)} recordings of noise; expected {MIN_NOISE} or more.")
        stretches = []
        for count, path in enumerate(paths, start=1):
            job = Job(path, self.recognizer.sample_rate)
            for _, piece in job.pieces():
                loud = self.gate.may_hold_speech(piece.samples, job.sample_rate)
                stretches.append(self._words(next(self.recognizer.outputs([piece.samples]))) if loud else ())
            if job.error is not None:
                raise job.error
            self.on_progress("noise", count / len(paths))
        return stretches

    def _words(self, output: NDArray[np.float32]) -> tuple[Word, ...]:
        best = self.greedy(self.recognizer.characters(output))
        return hypothesis.words(best, self.recognizer.engine.frame_seconds)

    def _search(self) -> Part:
        """Weights of the language model, where the search with them makes fewer errors than greedy decoding does."""
        if not self.lm:
            raise _LeftError("there is no language model to search with.")
        count = len(self.recognizer.engine.vocabulary)
        teaching, held = _sets(self.teaching, count), _sets(self.held, count)
        old = self._decoder(self.search) if self.search else self.greedy
        try:
            first = self._decoder(self._first(teaching))
        except LanguageModelError as error:
            raise _LeftError(str(error)) from error
        names = (
            *tune_lm.LM_WEIGHTS,
            "prior_weight",
            *(["sounds_weight"] if first.settings.dictionary else []),
        )
        settings = tune_lm.tune(
            first,
            teaching,
            names,
            trials=self.options.trials,
            seed=self.options.seed,
            on_trial=lambda trial, *_: self.on_progress("search", trial / self.options.trials),
        )
        new = self._decoder(settings)
        on_teaching = [tune_lm.measure(each, teaching) for each in (old, self.greedy, new)]
        scores = [tune_lm.measure(each, held).total.wer for each in (old, self.greedy, new)]
        rates = "WER: {:.1%} before, {:.1%} greedy, {:.1%} after".format(*scores)
        if not all(on_teaching[2].beats(other) for other in on_teaching[:2]):
            raise _LeftError(f"no better weights were found ({rates}).")
        self.search = settings
        entries: dict[str, Any] = {"decoder": {"name": select.SEARCH, "settings": asdict(settings)}}
        if self.confidence.pop(select.SEARCH, None):  # it was that of other weights
            entries["confidence"] = {name: asdict(each) for name, each in self.confidence.items()}
        lines = (" ".join(f"{name}={getattr(settings, name):g}" for name in names), rates)
        return Part("search", entries, lines)

    def _first(self, teaching: Sequence[tune_lm.Emissions]) -> beam.Settings:
        """Where the search for weights begins: as the model is searched so far, or for the first time."""
        first: dict[str, Any] = {} if self.search else tune_lm.FIRST
        settings = replace(self.search or beam.Settings(), **first)
        settings = replace(settings, lm=self.lm, hotwords=(), prior=tune_lm.prior(teaching))
        if self.header.sounds and not self.search:
            # A language model's dictionary has the same name.
            with_phones = replace(settings, dictionary=self.lm)
            try:
                select.check_sounds(self._decoder(with_phones), self.header.sounds, self.header.path)
            except (ConfigError, CorpusError):  # none of that name, or of other phones
                return settings
            return with_phones
        return settings

    def _decoder(self, settings: beam.Settings) -> beam.Decoder:
        return beam.Decoder(settings, self.recognizer.engine.vocabulary)

    def _confidence(self) -> Part:
        """Of greedy decoding and of the search, if there is one."""
        decoders: dict[str, Decoder] = {select.DEFAULT: self.greedy}
        if self.search:
            decoders[select.SEARCH] = self._decoder(self.search)
        lines, learnt = [], dict(self.confidence)
        for name, decoder in decoders.items():
            teaching, held = (self._readings(decoder, half) for half in (self.teaching, self.held))
            try:
                calibration = tune_confidence.fit(teaching)
            except SpeechGruError as error:
                lines.append(f"{name}: left as it is: {error}")
                continue
            old, new = (
                tune_confidence.reliability(held, c) for c in (self.confidence.get(name), calibration)
            )
            if new.calibration_error < old.calibration_error:
                learnt[name] = calibration
                lines.append(f"{name}: " + ", ".join(f"{k} {v:g}" for k, v in asdict(calibration).items()))
            else:
                lines.append(f"{name}: left as it is: what was learnt does no better")
            for when, each in (("before", old), ("after", new)):
                lines += [f"{name}: {when}: {what}: {text}" for what, text in each.describe().items()]
        entries = {"confidence": {name: asdict(each) for name, each in learnt.items()}}
        return Part("confidence", entries if learnt != self.confidence else {}, tuple(lines))

    def _readings(self, decoder: Decoder, samples: Sequence[Sample]) -> list[Reading]:
        """Of what gets past the gate."""
        readings = []
        for sample in samples:
            if not self.gate.accepts(self._words(sample.output)):
                continue
            vocabulary, step = self.recognizer.engine.vocabulary, self.recognizer.engine.frame_seconds
            best = decoder(select.columns(decoder, sample.output, len(vocabulary)))
            words = hypothesis.words(best, step)
            text = " ".join(word.text for word in words)
            (alignment,) = wer.align([sample.utterance.text], [text], self.recognizer.normaliser)
            if len(alignment.hits) == len(words):  # the normaliser may join words or part them
                characters = hypothesis.confidences(best)
                readings.append(Reading(words, characters, alignment.hits, alignment.words))
        return readings

    def _times(self) -> Part:
        before, step = self.header.times, self.recognizer.engine.frame_seconds
        teaching, held = self._placed(self.teaching, "times"), self._placed(self.held, "measured times")
        if min(len(teaching), len(held)) < MIN_CLIPS:
            raise _LeftError(
                f"speech stands out of its background, with silence at both ends, in too few recordings "
                f"({len(teaching)} and {len(held)} pairs; expected {MIN_CLIPS} or more)."
            )
        times = tune_times.learn(teaching, step)
        lines = [", ".join(f"{key} {value:g}" for key, value in asdict(times).items())]
        old: tune_times.Correct = tune_times.corrector(before, step) if before else lambda item: item.words
        both = [tune_times.errors(held, each) for each in (old, tune_times.corrector(times, step))]
        for what, was, now in zip(("starts", "ends"), *both, strict=True):
            lines.append(
                f"{what} of {len(was)} words: {_milliseconds(was)} before, {_milliseconds(now)} after"
            )
        if np.abs(np.concatenate(both[1])).mean() >= np.abs(np.concatenate(both[0])).mean():
            raise _LeftError("what was learnt does no better; " + "; ".join(lines))
        return Part("times", {"times": asdict(times)}, tuple(lines))

    def _placed(self, samples: Sequence[Sample], what: str) -> list[Placed]:
        """Joined recordings of each speaker with words in them, MAX_CLIPS at most."""
        rate = self.recognizer.sample_rate
        speakers: dict[str, list[Utterance]] = {}
        for sample in samples:
            speakers.setdefault(sample.utterance.speaker, []).append(sample.utterance)
        placed: list[Placed] = []
        for number, utterances in enumerate(speakers.values(), start=1):
            short = (
                (read_audio(u, rate).signal, self.recognizer.normaliser(u.text))
                for u in utterances
                if u.duration <= MAX_SECONDS / tune_times.AT_ONCE
            )
            share = round(MAX_CLIPS / len(speakers))
            for clip in islice(tune_times.clips(short, rate), max(share, 2)):
                item = tune_times.place(self.recognizer, clip, tune_times.quiets(self.header.times))
                placed += [item] if item else []
            self.on_progress(what, number / len(speakers))
        return placed


def _language_model(header: AcousticHeader) -> str:
    """The packaged language model that fits a model; "" for none."""
    name = select.search(header).get("lm") or ("english" if "en" in select.languages(header) else "")
    return name if name in language_models() else ""


class _LeftError(SpeechGruError):
    """A part can't be learnt, and why; the others can."""


def _sets(samples: Sequence[Sample], characters: int) -> list[tune_lm.Emissions]:
    """The samples by set, as the search for weights takes them."""
    names = dict.fromkeys(sample.set for sample in samples)
    groups = [[sample for sample in samples if sample.set == name] for name in names]
    return [
        tune_lm.Emissions(
            group[0].set,
            tuple(sample.output for sample in group),
            tuple(sample.utterance.text for sample in group),
            tuple(sample.utterance.speaker for sample in group),
            characters=characters,
        )
        for group in groups
    ]


def _numbers(before: object, after: object, *names: str) -> str:
    """`name new (was old)` of each."""
    return ", ".join(f"{name} {getattr(after, name):g} (was {getattr(before, name):g})" for name in names)


def _milliseconds(errors: NDArray[np.float64]) -> str:
    size = 1000 * np.abs(errors)
    return f"median {np.median(size):.0f}, mean {size.mean():.0f} ms"
