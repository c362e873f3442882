"""Learning to restore punctuation and capitals: the tagger, its loss and its F1 on held-out text, for fit()."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.evaluation import punctuation as scoring
from speechgru.evaluation.punctuation import Restoration
from speechgru.inference import Punctuator, load_punctuator
from speechgru.inference.punctuator import TaggerHeader
from speechgru.models.tagger import KIND, pause_classes
from speechgru.tasks import punctuation_data
from speechgru.tasks.punctuation_data import Data, Stream
from speechgru.tasks.punctuation_settings import PunctuationConfig
from speechgru.text.punctuation import CASES, MARKS, Tagged
from speechgru.text.word_features import WordFeatures
from speechgru.training import TaskContext
from speechgru.training.report import Curve
from speechgru.training.task import BaseTask

CURVE = Curve("score", "held-out text, 1 - mean F1")
prepare = punctuation_data.prepare
IGNORED = -100  # torch's target that no loss is taken of


class Batch(NamedTuple):
    """Feature rows `words` [B, T, SIZE], classes of `pauses` [B, T], `marks` and `cases` [B, T] with IGNORED behind the
    `lengths` [B]; `size` words count, 0 where another process counts them."""

    words: Tensor
    pauses: Tensor
    marks: Tensor
    cases: Tensor
    lengths: Tensor
    size: int


class Task(BaseTask[Data, TaggerHeader]):
    """A tagger built from a recipe, and the text it learns from.

    The loss is the negative log-likelihood per word of its mark and its case. A batch holds at most
    trainer.batch_characters words.
    """

    def __init__(self, context: TaskContext[Data]) -> None:
        words = context.data.vocabulary
        super().__init__(context, TaggerHeader, len(words), len(MARKS), len(CASES), kind=KIND, outputs=words)
        self.config = self.recipe.task_settings(PunctuationConfig)
        self.rows = WordFeatures(words, self.model.settings.buckets).rows(self.data.names)
        streams = self.data.train.values()
        self.edges = np.cumsum([0, *map(len, streams)]).tolist()
        self.text = Stream(
            *(np.concatenate([getattr(s, part) for s in streams]) for part in ("types", "marks", "cases"))
        )

    def plan(self, epoch: int) -> list[list[tuple[int, int, int]]]:
        """Windows of each batch of an epoch: where they begin and end, and the seed of what is drawn for them."""
        window = self.config.window
        spans = []
        for source, begin, end in zip(self.config.sources, self.edges, self.edges[1:]):
            cuts = np.linspace(begin, end, source.parts + 1).astype(int)
            low, high = cuts[epoch % source.parts], cuts[epoch % source.parts + 1]
            # Another beginning each time round, so that windows are cut elsewhere.
            offset = (epoch // source.parts * 37) % window if high - low > 2 * window else 0
            starts = range(low + offset, high, window)
            spans += [(start, min(start + window, high)) for start in starts]
        seeds = np.random.default_rng([self.recipe.seed, epoch]).integers(1 << 31, size=len(spans)).tolist()
        items = [(int(a), int(b), seed) for (a, b), seed in zip(spans, seeds)]
        return self.batches(
            items, [b - a for a, b, _ in items], self.recipe.trainer.batch_characters, epoch + 1
        )

    def describe(self, item: Sequence[tuple[int, int, int]]) -> str:
        """The windows of a batch, in a few words."""
        start, end, _ = item[0]
        words = " ".join(self.data.names[number] for number in self.text.types[start : min(end, start + 8)])
        return f"{len(item)} windows, one is {words!r}..."

    def batch(self, items: Sequence[tuple[int, int, int]], counts: bool) -> Batch:
        """The words of these windows, some of them substituted, and their pauses."""
        lengths = [end - start for start, end, _ in items]
        shape = len(items), max(lengths)
        words = np.zeros((*shape, self.rows.shape[1]), np.int64)
        marks, cases = np.full(shape, IGNORED), np.full(shape, IGNORED)
        pauses = np.full(shape, np.nan, np.float32)
        for row, (start, end, seed) in enumerate(items):
            generator = np.random.default_rng(seed)
            types = self.text.types[start:end].copy()
            wrong = generator.random(len(types)) < self.config.substituted
            types[wrong] = self.text.types[generator.integers(len(self.text), size=int(wrong.sum()))]
            words[row, : end - start] = self.rows[types]
            marks[row, : end - start] = self.text.marks[start:end]
            cases[row, : end - start] = self.text.cases[start:end]
            if generator.random() >= self.config.unknown_pauses:
                drawn = self.pauses(self.text.marks[start:end], generator)
                pauses[row, : end - start] = drawn
        tensors = [torch.from_numpy(array) for array in (words, marks, cases)]
        behind = pause_classes(torch.from_numpy(pauses))
        size = sum(lengths) if counts else 0
        return Batch(tensors[0], behind, tensors[1], tensors[2], torch.tensor(lengths), size)

    def pauses(self, marks: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.float64]:
        """Seconds behind words with these `marks`, drawn from what readers were measured to leave; NaN without."""
        if not self.config.pauses.none:
            return np.full(len(marks), np.nan)
        places = generator.random(len(marks))
        seconds = np.zeros(len(marks))
        for mark, quantiles in enumerate(self.config.pauses.all):
            here = marks == mark
            seconds[here] = np.interp(places[here], np.linspace(0, 1, len(quantiles)), quantiles)
        paced: NDArray[np.float64] = seconds * np.exp(self.config.uneven * generator.standard_normal())
        return paced

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Negative log-likelihood of a batch, a scalar, and its number of words."""
        inputs = (each.to(self.device) for each in (batch.words, batch.pauses, batch.lengths))
        total = torch.zeros((), device=self.device)
        for log_probs, tags in zip(self.model(*inputs), (batch.marks, batch.cases)):
            total = total + torch.nn.functional.nll_loss(
                log_probs.flatten(0, 1), tags.flatten().to(self.device), reduction="sum", ignore_index=IGNORED
            )
        return (total if batch.size else 0 * total), batch.size

    def evaluate(self) -> dict[str, float]:
        """1 - mean F1 over marks and capitals, of all sources together with drawn pauses and without (score), and
        each F1 of either."""
        punctuator = Punctuator(self.model, self.data.vocabulary)
        figures: dict[str, float] = {}
        with torch.autocast(self.device.type, enabled=False):
            for name, sets in self._sets().items():
                results = [scoring.evaluate(punctuator, *each) for each in sets.values()]
                right, wanted, made = np.array([[r.right, r.wanted, r.made] for r in results]).sum(axis=0)
                f1 = Restoration(right, wanted, made, sum(r.words for r in results)).f1
                figures |= {f"{mark} F1, {name}": float(value) for mark, value in zip(scoring.NAMES, f1)}
        return {"score": 1 - float(np.mean(list(figures.values()))), **figures}

    def _sets(self) -> dict[str, dict[str, tuple[list[Tagged], list[float] | None]]]:
        """The held-out texts without pauses and, where there are any, with drawn ones."""
        plain: dict[str, tuple[list[Tagged], list[float] | None]] = {
            name: (text, None) for name, text in self.data.dev.items()
        }
        if not self.config.pauses.none:
            return {"words alone": plain}
        with_pauses: dict[str, tuple[list[Tagged], list[float] | None]] = {}
        for name, text in self.data.dev.items():
            marks = np.array([each.mark for each in text], np.uint8)
            drawn = self.pauses(marks, np.random.default_rng(self.recipe.seed))
            with_pauses[name] = (text, drawn.tolist())
        return {"words alone": plain, "with pauses": with_pauses}

    def header(self) -> dict[str, Any]:
        """The words that the model knows, and what its outputs stand for."""
        return {"words": list(self.data.vocabulary), "marks": list(MARKS), "cases": list(CASES)}

    def results(self, path: Path) -> dict[str, Restoration]:
        """F1 of a saved model on the held-out text of each source, through `load_punctuator`."""
        punctuator = load_punctuator(path, str(self.device))
        return {
            f"{name}, {how}": scoring.evaluate(punctuator, *each)
            for how, sets in self._sets().items()
            for name, each in sets.items()
        }
