"""A classifier from its file: which class a recording is of, and how often that is right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from speechgru.audio import stream as audio
from speechgru.audio.quality import NARROW_RATE
from speechgru.data.manifest import Utterance
from speechgru.errors import AudioError, AudioWarning, CorpusError, SpeechGruError
from speechgru.evaluation.recognition import interval_text
from speechgru.features.frontend import LogMel
from speechgru.models import checkpoint
from speechgru.models.audio_header import AudioHeader
from speechgru.utils import device as devices
from speechgru.utils.assets import find_model
from speechgru.utils.bootstrap import are_blocks, ratio_interval, resampled
from speechgru.utils.console import columns
from speechgru.utils.tables import table

KIND = "classifier"
BATCH = 32
RESAMPLES = 1000
_SHOWN = 20  # classes: a larger table of confusions can't be read


@dataclass(frozen=True)
class Classes:
    """The names that a classifier tells apart, in the order of its outputs."""

    names: tuple[str, ...]

    def encode(self, text: str) -> list[int]:
        """The number of a class, as the only element of a list.

        Raises:
            CorpusError: there is no such class.
        """
        if text not in self.names:
            raise CorpusError(f"There is no class {text!r}; expected one of: {', '.join(self.names)}.")
        return [self.names.index(text)]


@dataclass(frozen=True, kw_only=True)
class ClassifierHeader(AudioHeader):
    """The header of a classifier: the names of its `classes`, in the order of its outputs."""

    KIND: ClassVar[str] = KIND

    classes: tuple[str, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The classes."""
        return self.classes


@dataclass(frozen=True)
class Answer:
    """The likeliest class of a recording, the probability of each class, and what is wrong with the recording.

    `truncated`: it breaks off before its stated end.
    """

    label: str
    probabilities: dict[str, float]
    warnings: tuple[AudioWarning, ...] = ()
    truncated: bool = False

    @property
    def confidence(self) -> float:
        """Of the likeliest class, in [0, 1]."""
        return self.probabilities[self.label]


@dataclass(frozen=True)
class Classification:
    """How often a set's classes were found. `confusions` [classes, classes]: recordings by true class, then found.

    `interval` of the accuracy, 95 %, and what it was taken `over`.
    """

    names: tuple[str, ...]
    confusions: NDArray[np.int64]
    interval: tuple[float, float]
    over: str
    failed: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of the recordings that were found right, in [0, 1]."""
        return float(self.confusions.trace() / self.confusions.sum())

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "interval_over": self.over,
            "recordings": int(self.confusions.sum()),
            "classes": list(self.names),
            "confusions": self.confusions.tolist(),
            "failed": list(self.failed),
        }

    def cells(self) -> dict[str, str]:
        """Its row in a report, by column."""
        return {
            "accuracy": f"{100 * self.accuracy:.2f} %",
            "95 % interval": interval_text(self.interval),
            "taken over": self.over,
            "recordings": str(self.confusions.sum()),
            "not scored": str(len(self.failed)),
        }

    def note(self) -> str:
        """How the row is to be read."""
        return "The interval is a percentile bootstrap; not scored: recordings that could not be read."

    def details(self) -> str:
        """The confusions as a table in Markdown: a row a true class, a column a class that was found."""
        if len(self.names) > _SHOWN:
            return ""
        rows = [[name, *row] for name, row in zip(self.names, self.confusions)]
        return table(["said / found", *self.names], rows)

    def describe(self) -> str:
        """A few lines for people."""
        return f"{columns(self.cells())}\n{self.details()}".rstrip()


@dataclass(frozen=True)
class _Heard:
    """What was read of a recording: its samples [time]; the rest as in `Answer`."""

    signal: NDArray[np.float32]
    warnings: tuple[AudioWarning, ...]
    truncated: bool


class Classifier:
    """Tells what recordings are. Make one with `load_classifier`.

    Attributes:
        classes: what it knows.
        sample_rate: the rate it hears, in Hz.
    """

    def __init__(self, model: nn.Module, features: LogMel, classes: Classes) -> None:
        self.model, self.features, self.classes = model, features, classes
        self.sample_rate = features.settings.sample_rate

    @torch.inference_mode()
    def classify(self, signals: Sequence[NDArray[np.float32]]) -> list[Answer]:
        """The class of each signal [time] at `sample_rate`, all in one batch."""
        device = next(self.model.parameters()).device
        lengths = torch.tensor([len(signal) for signal in signals])
        padded = torch.zeros(len(signals), int(lengths.max()))
        for row, signal in zip(padded, signals, strict=True):
            row[: len(signal)] = torch.from_numpy(signal)
        log_probs = self.model(*self.features(padded.to(device), lengths.to(device)))
        return [
            Answer(
                self.classes.names[max(range(len(row)), key=row.__getitem__)],
                dict(zip(self.classes.names, row)),
            )
            for row in log_probs.exp().cpu().tolist()
        ]

    def classify_files(self, paths: Sequence[str | Path]) -> Iterator[tuple[str | Path, Answer | AudioError]]:
        """Each file ("-" for standard input) with its class, or with why it can't be read, in their order."""
        whole = [Utterance(Path(path), math.inf, "") for path in paths]
        yield from zip(paths, self._answers(whole), strict=True)

    def evaluate(self, utterances: Sequence[Utterance], seed: int = 0) -> Classification:
        """Compare with the texts of `utterances`, each the name of a class.

        Raises:
            CorpusError: a text that is no class.
            SpeechGruError: not one recording could be read.
        """
        confusions = np.zeros((len(self.classes.names),) * 2, dtype=np.int64)
        right: list[tuple[str, bool]] = []
        failed: list[str] = []
        for utterance, answer in zip(utterances, self._answers(utterances), strict=True):
            if isinstance(answer, AudioError):
                failed.append(str(answer))
                continue
            if answer.truncated:
                failed.append(f"{utterance.audio_filepath}: {'; '.join(map(str, answer.warnings))}")
                continue
            true, found = (self.classes.encode(name)[0] for name in (utterance.text, answer.label))
            confusions[true, found] += 1
            right.append((utterance.speaker, true == found))
        if not right:
            raise SpeechGruError(f"None of {len(failed)} recordings could be read. The first: {failed[0]}")
        interval, over = _interval(right, seed)
        return Classification(self.classes.names, confusions, interval, over, tuple(failed))

    def _answers(self, utterances: Sequence[Utterance]) -> Iterator[Answer | AudioError]:
        """In their order, some read at a time."""
        for start in range(0, len(utterances), BATCH):
            heard = [self._read(utterance) for utterance in utterances[start : start + BATCH]]
            whole = [each for each in heard if isinstance(each, _Heard)]
            answers = iter(self.classify([each.signal for each in whole]) if whole else [])
            for each in heard:
                if isinstance(each, _Heard):
                    yield replace(next(answers), warnings=each.warnings, truncated=each.truncated)
                else:
                    yield each

    def _read(self, utterance: Utterance) -> _Heard | AudioError:
        try:
            # As a string: "-" is standard input.
            with audio.AudioStream(str(utterance.audio_filepath), self.sample_rate) as stream:
                signal = np.concatenate([np.zeros(0, np.float32), *stream])
        except AudioError as error:
            return error
        start = round(utterance.offset * self.sample_rate)
        if math.isfinite(utterance.duration):
            signal = signal[start : start + round(utterance.duration * self.sample_rate)]
        if not len(signal):
            path = utterance.audio_filepath
            return AudioError(f"{path} holds no samples; expected a recording.", source=path)
        # A classifier that was trained at a telephone's rate lacks nothing.
        told = [w for w in stream.warnings if self.sample_rate >= NARROW_RATE or w.kind != "narrow"]
        return _Heard(signal, tuple(told), stream.truncated)


def _interval(right: Sequence[tuple[str, bool]], seed: int) -> tuple[tuple[float, float], str]:
    """95 % percentile bootstrap interval of a share: speakers are drawn, or recordings where they are few."""
    speakers = [speaker for speaker, _ in right]
    by_speaker = are_blocks(speakers)
    table = np.array([[float(hit), 1.0] for _, hit in right])
    hits, totals = resampled(table, speakers if by_speaker else None, RESAMPLES, seed).T
    count = len(set(speakers)) if by_speaker else len(right)
    return ratio_interval(hits, totals), f"{count} {'speakers' if by_speaker else 'recordings'}"


def load_classifier(model: str | Path, device: str = "cpu") -> Classifier:
    """Load what `speechgru train` wrote for a recipe of a classifier.

    Args:
        model: path of a checkpoint, or the name of one that was fetched.
        device: "cpu", "cuda", "cuda:N", or "auto" for a GPU where there is one.

    Raises:
        CheckpointError: no such model, one of another kind, or a damaged one.
        ConfigError: unknown device.
    """
    path, device = find_model(model), devices.find(device)
    loaded = checkpoint.load(path)
    header = loaded.read(ClassifierHeader)
    network = checkpoint.network(loaded, header.model, header.features.n_mels, len(header.classes))
    return Classifier(network.to(device), LogMel(header.features).to(device), Classes(header.classes))
