"""The field's table of piano rolls: models on the test pieces of their corpora, beside what was published."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.config.recipe import DATA_VARIABLE
from speechgru.errors import CheckpointError, ConfigError, CorpusError
from speechgru.music.evaluation.near_duplicates import near_duplicates
from speechgru.music.files.piece import Piece
from speechgru.music.models.roll_model import RollModel, load_roll_model
from speechgru.music.models.scores import RollScore
from speechgru.music.training.pieces import CORPORA
from speechgru.utils import plugins

PUBLISHED: dict[str, dict[str, float]] = {
    "jsb_chorales": {
        "GRU (Bai et al. 2018)": 8.43,
        "TCN (Bai et al. 2018)": 8.10,
        "STORN (in Krishnan et al. 2017)": 6.91,
        "RNN-NADE (in Krishnan et al. 2017)": 5.19,
    },
    "nottingham": {
        "GRU (Bai et al. 2018)": 3.46,
        "TCN (Bai et al. 2018)": 3.07,
        "STORN (in Krishnan et al. 2017)": 2.85,
        "RNN-NADE (in Krishnan et al. 2017)": 2.31,
    },
    "musedata": {
        "GRU (Chung et al. 2014)": 5.99,
        "STORN (in Krishnan et al. 2017)": 6.16,
        "RNN-NADE (in Krishnan et al. 2017)": 5.60,
    },
    "piano_midi": {
        "GRU (Chung et al. 2014)": 8.82,
        "STORN (in Krishnan et al. 2017)": 7.13,
        "RNN-NADE (in Krishnan et al. 2017)": 7.05,
    },
}
"""Test nats per step of others, by corpus: Bai's for steps 2 to T, pooled; the others don't say which steps."""


@dataclass(frozen=True)
class Entry:
    """A model on the test pieces of its corpus: `all` of them, and the `fresh` ones, which aren't near-duplicates of
    pieces it learnt from."""

    path: str
    corpus: str
    model: str
    seed: int
    all: RollScore
    fresh: RollScore

    @property
    def group(self) -> tuple[str, str]:
        """What models have in common that differ by their seed alone."""
        return self.corpus, self.model

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        names = {"path": self.path, "corpus": self.corpus, "model": self.model, "seed": self.seed}
        return {**names, "test": self.all.to_dict(), "fresh": self.fresh.to_dict()}


def evaluate(path: str | Path, data: str | Path | None = None, device: str = "cpu") -> Entry:
    """Score a checkpoint on the test pieces of the corpus it learnt from.

    Args:
        data: folder that holds the corpora as its recipe knew them; None: the one that SPEECHGRU_DATA names.

    Raises:
        CheckpointError: it is no model of piano rolls, or doesn't say what it learnt from.
        ConfigError, CorpusError: there is no such folder, or the corpus isn't in it.
    """
    model = load_roll_model(path, device)
    train, test = _pieces(model, Path(path), _root(data))
    copies = set(near_duplicates(test, of=train))
    score = model.score(test)
    return Entry(
        path=str(path),
        corpus=" + ".join(model.header.corpora),
        model=_name(model),
        seed=model.header.provenance.get("seed", 0),
        all=score,
        fresh=score.only([piece.id for piece in test if piece.id not in copies]),
    )


def _root(data: str | Path | None) -> Path:
    given = str(data or os.environ.get(DATA_VARIABLE, ""))
    if not given or not Path(given).is_dir():
        raise ConfigError(
            f"Got {given!r} as the folder of the corpora; pass --data FOLDER or set {DATA_VARIABLE} to one that exists."
        )
    return Path(given)


def _pieces(model: RollModel, path: Path, root: Path) -> tuple[list[Piece], list[Piece]]:
    """What the model learnt from, and the test pieces."""
    train: list[Piece] = []
    test: list[Piece] = []
    corpus = model.header.corpus
    if corpus is None:
        raise CheckpointError(f"{path} doesn't say which pieces test it; it lacks 'corpus' in its header.")
    for source in corpus.sources:
        splits = plugins.find(CORPORA, source.name).prepare(root / source.path)
        train += [piece for split in corpus.train for piece in splits.get(split, ())]
        test += [piece for split in corpus.test for piece in splits.get(split, ())]
    if not test:
        raise CorpusError(
            f"{root} has no pieces that test {path}; expected some in {', '.join(corpus.test) or 'no split'}."
        )
    return train, test


def _name(model: RollModel) -> str:
    """`biaxial, chain`: the network, its distribution of a step, and the inputs it lacks."""
    settings = model.header.model.settings
    without = [f"no {part}" for part in ("echo", "clock") if not settings.get(part)]
    return ", ".join([model.header.model.name, settings["output"], *without])


def summary(entries: Sequence[Entry]) -> dict[tuple[str, str], dict[str, tuple[float, float]]]:
    """Mean and standard deviation over the seeds of each group with several: of `test` and `fresh`, steps 2 to T."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return {
        group: {
            "test": _spread([entry.all.nats["rest"] for entry in some]),
            "fresh": _spread([entry.fresh.nats["rest"] for entry in some]),
        }
        for group, some in groups.items()
        if len(some) > 1
    }


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1))
