"""Learning to predict text: the language model, its loss and its perplexity on dev texts, for fit()."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru.lm import LanguageModel, load_language_model
from speechgru.lm.neural import EDGE, KIND, LanguageHeader, Perplexity
from speechgru.tasks import text_data
from speechgru.tasks.text_data import HELD_OUT, Data
from speechgru.tasks.text_settings import TextConfig
from speechgru.training import TaskContext
from speechgru.training.report import Curve
from speechgru.training.task import BaseTask

CURVE = Curve("score", "held-out text, bits per character")
prepare = text_data.prepare


class Batch(NamedTuple):
    """`tokens` [B, T] from `pad`, and of how many characters and ends `size` is: 0 where another process counts."""

    tokens: Tensor
    size: int


class Task(BaseTask[Data, LanguageHeader]):
    """A language model built from a recipe, and the text it learns from.

    The loss is the negative log-likelihood per character, the end of a text being one of them.
    """

    def __init__(self, context: TaskContext[Data]) -> None:
        symbols = context.data.vocabulary.symbols
        super().__init__(context, LanguageHeader, len(symbols), kind=KIND, outputs=symbols)
        self.parts = self.recipe.task_settings(TextConfig).parts

    def plan(self, epoch: int) -> list[list[int]]:
        """Indices of the texts in each batch of an epoch: texts of like length, the batches in random order."""
        texts = range(epoch % self.parts, len(self.data.train), self.parts)
        lengths = (self.data.train.lengths[texts.start :: self.parts] + 1).tolist()
        # The first epoch is like all others: from short to long teaches that texts are short.
        return self.batches(texts, lengths, self.recipe.trainer.batch_characters, epoch + 1)

    def describe(self, item: Sequence[int]) -> str:
        """The texts of a batch, in a few words."""
        first = self.data.vocabulary.decode(self.data.train[item[0]])
        return f"{len(item)} texts, one is {first!r}"

    def batch(self, items: Sequence[int], counts: bool) -> Batch:
        """The texts of these indices."""
        texts = [self.data.train[index] for index in items]
        return Batch(pad(texts), sum(len(text) + 1 for text in texts) if counts else 0)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Negative log-likelihood of a batch, a scalar, and its number of characters and ends."""
        total = -log_probs_of_next(self.model, batch.tokens.to(self.device)).sum()
        return (total if batch.size else 0 * total), batch.size

    def evaluate(self) -> dict[str, float]:
        """Bits per character of held-out text (score), and of each set (bits/SET)."""
        scored = LanguageModel(self.model, self.data.vocabulary)
        bits = {}
        for name, texts in self.data.dev.items():
            # In full precision, as users will have it. Of a small set, some processes get nothing.
            with torch.autocast(self.device.type, enabled=False):
                own = scored.perplexity(self.group.share(texts))
            nats, characters = self.group.sums((own.nats, own.characters + own.texts))
            bits[f"bits/{name}"] = nats / characters / math.log(2)
        return {"score": bits[f"bits/{HELD_OUT}"], **bits}

    def header(self) -> dict[str, Any]:
        """The characters that the model knows."""
        return {"vocabulary": list(self.data.vocabulary.symbols)}

    def results(self, path: Path) -> dict[str, Perplexity]:
        """Perplexity of a saved model on every set, through `load_language_model`."""
        model = load_language_model(path, str(self.device))
        return {name: model.perplexity(texts) for name, texts in {**self.data.dev, **self.data.test}.items()}


def pad(texts: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Symbols of several texts between edges: [B, longest + 2], padded with edges."""
    tokens = np.full((len(texts), max(map(len, texts)) + 2), EDGE, dtype=np.int64)
    for row, each in zip(tokens, texts, strict=True):
        row[1 : len(each) + 1] = each
    return torch.from_numpy(tokens)


def log_probs_of_next(model: Any, tokens: Tensor) -> Tensor:
    """Natural log-probability of each symbol of `tokens` after the first, [B, T - 1]; 0 behind the end of a text."""
    following = tokens[:, 1:]
    log_probs = model(tokens[:, :-1])[0].gather(2, following.unsqueeze(2)).squeeze(2)
    # What comes after an end is padding: an edge that follows an edge. The first edge isn't among `following`.
    inside = torch.ones_like(following, dtype=torch.bool)
    inside[:, 1:] = following[:, :-1] != EDGE
    following_log_probs: Tensor = log_probs * inside
    return following_log_probs
