"""A tagger with weights set by hand: what it gives is known to the letter."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from speechgru.models import checkpoint, tagger
from speechgru.text.punctuation import CASES, MARKS

WORDS = ("stop", "comma", "who", "paris", "nasa")
SETTINGS = tagger.Settings(layers=1, width=6, embedding=6, pause=1, buckets=4, dropout=0.0)


def model() -> tagger.Model:
    """`stop`, `comma` and `who` have the mark that they name behind them, `paris` and `nasa` are capitalised."""
    made = tagger.Model(SETTINGS, len(WORDS), len(MARKS), len(CASES)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.norms[0].weight.fill_(1.0)
        made.embedding.weight[: 1 + len(WORDS)] = 60 * torch.eye(
            6
        )  # a word is one of six; affixes count for nothing
        layer = made.layers[0]
        # r and z closed for what was before: the state is tanh of the word alone.
        layer.weight_ih_l0[12:, :6] = torch.eye(6)
        layer.bias_ih_l0[6:12] = -20.0
        for mark, word in ((2, 1), (1, 2), (3, 3)):
            made.marks.weight[mark, word] = 10.0
        made.marks.bias[0] = 5.0
        for case, word in ((1, 4), (2, 5)):
            made.cases.weight[case, word] = 10.0
        made.cases.bias[0] = 5.0
    return made


def save(path: Path) -> Path:
    """The same in a file."""
    made = model()
    header = {
        "model": {"name": "tagger", "settings": asdict(made.settings)},
        "words": list(WORDS),
        "marks": list(MARKS),
        "cases": list(CASES),
        "provenance": {},
    }
    checkpoint.save(path, tagger.KIND, header, made.state_dict())
    return path
