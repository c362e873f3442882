"""The pieces that a recipe names: read, turned into what a model learns, and cut into what is learnt from at once."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from speechgru.config import Recipe
from speechgru.data.preparation import CorpusUse
from speechgru.errors import ConfigError, CorpusError, MusicError
from speechgru.music.files.piece import Piece
from speechgru.music.score.corpus_facts import CorpusFacts
from speechgru.music.training.settings import MusicConfig
from speechgru.utils import files, plugins

CORPORA = "music.corpora"
_DOMAIN = 7  # draws that have nothing to do with those of the batches


class Item(Protocol):
    """A piece in the form that a model learns."""

    @property
    def id(self) -> str:
        """Of the piece, within its corpus."""

    @property
    def steps(self) -> int:
        """How much there is to predict; 0: nothing."""

    @property
    def digest(self) -> str:
        """Hash of its content."""

    def fits(self, shift: int) -> bool:
        """Whether it can be moved up by so many semitones."""


@dataclass(frozen=True)
class Data:
    """What a run learns from and is scored on: items by split, `steps` to learn from by source.

    `dropped` counts the pieces left out, by where and why; `facts` are those of each source.
    """

    train: list[Any]
    dev: dict[str, list[Any]]
    test: dict[str, list[Any]]
    steps: dict[str, int]
    dropped: dict[str, dict[str, int]]
    facts: dict[str, CorpusFacts]

    def __str__(self) -> str:
        return f"{len(self.train)} training pieces, {sum(self.steps.values())} steps"

    def identity(self) -> Any:
        """What is learnt from, for the fingerprint of a run."""
        return [[(item.id, item.digest) for item in self.train]]

    def write(self, folder: Path) -> None:
        """In pieces/: the ids of each set, a file a set."""
        for name, items in {"train": self.train, **self.dev, **self.test}.items():
            files.write_text(folder / "pieces" / f"{name}.txt", "".join(f"{item.id}\n" for item in items))

    def summary(self) -> dict[str, dict[str, int]]:
        """How many pieces were left out, by where and why."""
        return self.dropped

    def uses(self, recipe: Recipe) -> list[CorpusUse]:
        """What each source gave to train on."""
        used = []
        for source in recipe.corpus.sources:
            corpus: Any = plugins.find(CORPORA, source.name)
            licence, url = source.licence or corpus.LICENSE, source.url or corpus.SOURCE
            used.append(CorpusUse(source.label, licence, url, steps=self.steps[source.label]))
        return used


def prepare(recipe: Recipe, item: Callable[[str, Piece], Item]) -> Data:
    """Read the pieces of `recipe`.

    Args:
        item: a piece in the form that the model learns, given its id; a MusicError leaves it out.

    Raises:
        CorpusError: a corpus isn't there or is damaged, there is no piece to learn from or to choose the epoch by.
        ConfigError: no such corpus or split.
    """
    config = recipe.corpus
    splits: dict[str, list[Item]] = {}
    steps: Counter[str] = Counter()
    dropped: dict[str, Counter[str]] = {}
    facts: dict[str, CorpusFacts] = {}
    for source in config.sources:
        corpus: Any = plugins.find(CORPORA, source.name)
        read: dict[str, list[Piece]] = corpus.prepare(config.source_path(source))
        learnt = [piece for split in config.train for piece in read.get(split, ())]
        facts[source.label] = corpus.facts(learnt) if hasattr(corpus, "facts") else corpus.FACTS
        for split, pieces in read.items():
            lost: Counter[str] = Counter()
            items = list(_items(pieces, source.label, item, lost))
            splits.setdefault(split, []).extend(items)
            steps[source.label] += sum(each.steps for each in items) if split in config.train else 0
            if lost:
                dropped[f"{source.label}/{split}"] = lost
    train = [each for items in take(splits, config.train).values() for each in items]
    dev, test = take(splits, config.dev), take(splits, config.test)
    if not train or not any(dev.values()):
        raise CorpusError(
            f"There are {len(train)} pieces to learn from and {sum(map(len, dev.values()))} to choose the epoch by; "
            "expected some of each. corpus.train and corpus.dev name their splits."
        )
    lost_by_split = {where: dict(lost) for where, lost in dropped.items()}
    return Data(train, dev, test, dict(steps), lost_by_split, facts)


def _items(
    pieces: Iterable[Piece], label: str, item: Callable[[str, Piece], Item], lost: Counter[str]
) -> Iterator[Item]:
    """The pieces that can be learnt; why others can't is counted in `lost`."""
    for piece in pieces:
        try:
            made = item(f"{label}/{piece.id}", piece)
        except MusicError:
            lost["out of the model's range"] += 1
            continue
        if made.steps:
            yield made
        else:
            lost["nothing sounds"] += 1


def take(splits: Mapping[str, list[Item]], names: Iterable[str]) -> dict[str, list[Item]]:
    """The named splits.

    Raises:
        ConfigError: there is none of that name.
    """
    missing = [name for name in names if name not in splits]
    if missing:
        raise ConfigError(plugins.unknown("split", missing[0], sorted(splits)))
    return {name: splits[name] for name in names}


class Chunk(NamedTuple):
    """Steps `first` to `last` (not included) of a piece, moved up by `shift` semitones."""

    piece: int
    first: int
    last: int
    shift: int


def chunks(
    items: Sequence[Item], config: MusicConfig, shifts: Sequence[int], seed: int, epoch: int
) -> list[Chunk]:
    """All that an epoch learns from: a pure function of seed and epoch.

    An item longer than `config.chunk` is cut at places that differ from epoch to epoch. Each is transposed by one of
    `shifts` that it can be (by none where there is none).
    """
    generator = np.random.default_rng([seed, epoch, _DOMAIN])
    cut = []
    for index, item in enumerate(items):
        fitting = [shift for shift in shifts if item.fits(shift)] or [0]
        shift, start = int(generator.choice(fitting)), int(generator.integers(config.chunk))
        cuts = range(start or config.chunk, item.steps, config.chunk) if item.steps > config.chunk else ()
        cut += [Chunk(index, a, b, shift) for a, b in itertools.pairwise([0, *cuts, item.steps])]
    return cut


def semitones(recipe: Recipe) -> list[int]:
    """By how much the recipe lets training pieces be transposed.

    Raises:
        ConfigError: by something that is no whole semitone.
    """
    given = recipe.augment.pitch
    if any(shift != int(shift) for shift in given):
        raise ConfigError(f"augment.pitch is {given}; notes are moved by whole semitones.")
    return [int(shift) for shift in given]
