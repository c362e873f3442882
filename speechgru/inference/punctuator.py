"""Capitals and punctuation for what a recognizer wrote, from its words and the pauses between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.errors import ConfigError
from speechgru.models import checkpoint
from speechgru.models.checkpoint import Header
from speechgru.models.tagger import KIND, pause_classes
from speechgru.text import punctuation
from speechgru.text.punctuation import CASES, MARKS, PERIOD, QUESTION, Tagged
from speechgru.text.word_features import SIZE, WordFeatures
from speechgru.transcript import Segment, Transcript
from speechgru.utils import device as devices
from speechgru.utils.assets import find_model

DEFAULT = "punctuation"
WINDOW = 200  # words that are tagged at once
CONTEXT = 40  # of them on either side, which only the neighbours take their tags from
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class TaggerHeader(Header):
    """The header of a tagger: the `words` it knows, and the marks and cases that its outputs stand for."""

    KIND: ClassVar[str] = KIND

    words: tuple[str, ...]
    marks: tuple[str, ...]
    cases: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.marks != MARKS or self.cases != CASES:
            raise ConfigError("it writes other marks or capitals")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The words: what a run that starts from the model must share."""
        return self.words


class Punctuator:
    """Restores capitals and punctuation. Make one with `load_punctuator`."""

    def __init__(self, model: Any, words: Sequence[str], name: str = "") -> None:
        self.model = model
        self.features = WordFeatures(words, model.settings.buckets)
        self.name = name

    def tag(self, words: Sequence[str], pauses: Sequence[float] | None = None) -> list[Tagged]:
        """Mark and case of each of `words`, which are a text without either.

        Args:
            pauses: seconds behind each word; NaN, or None for all, where that isn't known.
        """
        if not words:
            return []
        rows = self.features.rows([word.lower() for word in words])
        seconds = torch.tensor([float("nan")] * len(words) if pauses is None else list(pauses))
        marks, cases = self._tags(rows, pause_classes(seconds).numpy())
        cased = punctuation.sentence_case(marks.tolist(), cases.tolist())
        return [Tagged(*each) for each in zip(words, marks.tolist(), cased, strict=True)]

    def restore(self, text: str) -> str:
        """`text`, words without punctuation, with capitals and marks; the last sentence is ended."""
        return " ".join(punctuation.written(*each) for each in _ended(self.tag(text.split())))

    def apply(self, transcript: Transcript) -> Transcript:
        """`transcript` with capitals and marks in its words; times, confidences and segments stay."""
        words = transcript.words
        pauses = [max(b.start - a.end, 0.0) for a, b in pairwise(words)] + [float("nan")]
        tags = _ended(self.tag([word.text for word in words], pauses[: len(words)]))
        texts = iter(punctuation.written(*each) for each in tags)
        segments = tuple(
            Segment(tuple(replace(word, text=next(texts)) for word in segment.words))
            for segment in transcript.segments
        )
        return replace(transcript, segments=segments)

    @torch.inference_mode()
    def _tags(
        self, rows: NDArray[np.int64], pauses: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The likeliest mark and case of each word, [words]; long texts in windows that overlap."""
        count, step = len(rows), WINDOW - 2 * CONTEXT
        marks, cases = np.zeros(count, np.int64), np.zeros(count, np.int64)
        starts = [0] if count <= WINDOW else list(range(0, count - 2 * CONTEXT, step))
        device = next(self.model.parameters()).device
        for first in range(0, len(starts), BATCH):
            some = starts[first : first + BATCH]
            lengths = [min(WINDOW, count - start) for start in some]
            words = np.zeros((len(some), max(lengths), SIZE), np.int64)
            behind = np.zeros((len(some), max(lengths)), np.int64)
            for row, (start, length) in enumerate(zip(some, lengths)):
                words[row, :length], behind[row, :length] = (
                    a[start : start + length] for a in (rows, pauses)
                )
            inputs = (torch.from_numpy(array).to(device) for array in (words, behind))
            outputs = [
                each.argmax(dim=2).cpu().numpy() for each in self.model(*inputs, torch.tensor(lengths))
            ]
            for row, (start, length) in enumerate(zip(some, lengths)):
                skip = CONTEXT if start else 0
                for tags, output in zip((marks, cases), outputs):
                    tags[start + skip : start + length] = output[row, skip:length]
        return marks, cases


def _ended(tags: list[Tagged]) -> list[Tagged]:
    """With a full stop at the very end, where the last word has no end of a sentence."""
    if tags and tags[-1].mark not in (PERIOD, QUESTION):
        tags = [*tags[:-1], tags[-1]._replace(mark=PERIOD)]
    return tags


def load_punctuator(model: str | Path | None = None, device: str = "cpu") -> Punctuator:
    """Load what `speechgru train punctuation` wrote, or a tagger that comes with the package (by default its own).

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    path = find_model(DEFAULT if model is None else model)
    loaded = checkpoint.load(path)
    header = loaded.read(TaggerHeader)
    network = checkpoint.network(loaded, header.model, len(header.words), len(MARKS), len(CASES))
    return Punctuator(network.to(devices.find(device)), header.words, path.stem)
