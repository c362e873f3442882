"""A classifier from its file: which class a recording is of, and how often that is right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from speechgru.audio import energy
from speechgru.audio.array import Sound, pad
from speechgru.audio.quality import NARROW_RATE
from speechgru.data import Utterance, read_audio
from speechgru.errors import AudioError, AudioWarning, ConfigError, CorpusError
from speechgru.features import LogMel
from speechgru.models import checkpoint
from speechgru.models.audio_header import AudioHeader
from speechgru.utils import device as devices
from speechgru.utils.assets import find_model

KIND = "classifier"
BATCH = 32


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

    def __post_init__(self) -> None:
        if not self.classes:
            raise ConfigError("classes is empty; expected the names of one class at least.")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The classes."""
        return self.classes


@dataclass(frozen=True)
class Answer:
    """The likeliest class of a recording, the probability of each class, and what is wrong with the recording.

    `truncated`: it ends before its stated end.
    """

    label: str
    probabilities: dict[str, float]
    warnings: tuple[AudioWarning, ...] = ()
    truncated: bool = False

    @property
    def confidence(self) -> float:
        """Of the likeliest class, in [0, 1]."""
        return self.probabilities[self.label]


class Classifier:
    """Tells what recordings are. Make one with `load_classifier`.

    Attributes:
        classes: what it knows.
        sample_rate: of its signals, in Hz.
    """

    def __init__(self, model: nn.Module, features: LogMel, classes: Classes) -> None:
        self.model, self.features, self.classes = model, features, classes
        self.sample_rate = features.rate

    @torch.inference_mode()
    def classify(self, signals: Sequence[NDArray[np.float32]]) -> list[Answer]:
        """The class of each signal [time] at `sample_rate`, all in one batch."""
        device = next(self.model.parameters()).device
        padded, lengths = pad(signals)
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
        yield from zip(paths, self._answers(whole, paths), strict=True)

    def answers(self, utterances: Sequence[Utterance]) -> Iterator[Answer | AudioError]:
        """In their order, some read at a time."""
        return self._answers(utterances, [str(utterance.audio_filepath) for utterance in utterances])

    def _answers(
        self, utterances: Sequence[Utterance], sources: Sequence[str | Path]
    ) -> Iterator[Answer | AudioError]:
        """Of the parts of `sources` that the `utterances` are; a path alone would lose a `Track`."""
        pairs = list(zip(utterances, sources, strict=True))
        for start in range(0, len(pairs), BATCH):
            sounds = [self._read(*pair) for pair in pairs[start : start + BATCH]]
            signals = [each.signal for each in sounds if isinstance(each, Sound)]
            answers = iter(self.classify(signals) if signals else [])
            for each in sounds:
                if isinstance(each, Sound):
                    yield replace(next(answers), warnings=each.warnings, truncated=each.truncated)
                else:
                    yield each

    def _read(self, utterance: Utterance, source: str | Path) -> Sound | AudioError:
        try:
            sound = read_audio(utterance, self.sample_rate, source)
        except AudioError as error:
            return error
        # A classifier that was trained at a telephone's rate lacks nothing.
        told = [w for w in sound.warnings if self.sample_rate >= NARROW_RATE or w.kind != "narrow"]
        gain, _ = energy.gain_of(sound.signal, self.sample_rate)
        return Sound(sound.signal * np.float32(gain) if gain != 1.0 else sound.signal, tuple(told))


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
