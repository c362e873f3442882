"""A tagger of words: what mark stands behind each, and how it is capitalised.

    word and affix vectors, their mean | vector of the pause behind → GRU layers, both ways → two linear heads

Bidirectional GRUs over words for punctuation: Tilk and Alumäe 2016, Interspeech (theirs with attention); pauses as a
feature beside the words: Tilk and Alumäe 2015, Interspeech.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgru.models.dropout import LockedDropout
from speechgru.models.gru import GRU
from speechgru.models.settings import TaggerSettings

Settings = TaggerSettings
KIND = "tagger"
PAUSES = (0.05, 0.15, 0.3, 0.5, 0.8, 1.5)
"""Seconds at which one class of pauses ends and the next begins."""


def pause_classes(seconds: Tensor) -> Tensor:
    """The class of each pause: 0 where it isn't known (NaN), else 1 to len(PAUSES) + 1."""
    classes = torch.bucketize(seconds.nan_to_num(), torch.tensor(PAUSES), right=True) + 1
    return torch.where(seconds.isnan(), 0, classes)


class Model(nn.Module):
    """The tagger, of words with rows of features (`n_words`: the vocabulary's size), into `n_marks` and `n_cases`."""

    def __init__(self, settings: Settings, n_words: int, n_marks: int, n_cases: int) -> None:
        super().__init__()
        self.settings = settings
        width = 2 * settings.width
        self.embedding = nn.Embedding(n_words + 1 + settings.buckets, settings.embedding)
        self.pauses = nn.Embedding(len(PAUSES) + 2, settings.pause)
        sizes = [settings.embedding + settings.pause] + [width] * (settings.layers - 1)
        self.layers = nn.ModuleList(GRU(size, settings.width, reset=settings.reset) for size in sizes)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in sizes)
        self.dropout = LockedDropout(settings.dropout)
        self.marks = nn.Linear(width, n_marks)
        self.cases = nn.Linear(width, n_cases)

    def forward(self, words: Tensor, pauses: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of marks [B, T, n_marks] and cases [B, T, n_cases], without meaning past each end.

        Args:
            words: rows of features, [B, T, features of a word].
            pauses: classes of the pauses behind the words, [B, T].
            lengths: words of each text, [B], at least 1.
        """
        x = torch.cat([self.embedding(words).mean(dim=2), self.pauses(pauses)], dim=2)
        for layer, norm in zip(self.layers, self.norms):
            x = norm(layer(self.dropout(x), lengths)[0])
        x = self.dropout(x)
        return self.marks(x).float().log_softmax(dim=-1), self.cases(x).float().log_softmax(dim=-1)
