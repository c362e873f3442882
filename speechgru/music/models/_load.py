"""A network of music from its checkpoint, and what its file says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechgru.models import checkpoint
from speechgru.models.checkpoint import Header, NetworkEntry


@dataclass(frozen=True)
class SourceEntry:
    """A corpus: its name, and its folder below that of all data."""

    name: str
    path: str


@dataclass(frozen=True)
class CorpusEntry:
    """A header's `corpus`: what the model learnt from, and the splits that it learnt and that test it."""

    sources: tuple[SourceEntry, ...]
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MusicHeader(Header):
    """The header of a model of music; `corpus` is None where the file doesn't say what it learnt from."""

    corpus: CorpusEntry | None = None

    @property
    def corpora(self) -> tuple[str, ...]:
        """Names of what the model learnt from; none where the file doesn't say."""
        return tuple(source.name for source in self.corpus.sources) if self.corpus else ()


UNSAVED = MusicHeader(model=NetworkEntry("", {}))
"""Of a model that isn't from a file."""


def load(path: str | Path, kind: str, device: str) -> tuple[Any, MusicHeader]:
    """The network and the header of a checkpoint of this kind.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    loaded = checkpoint.load(path).require(kind)
    header = loaded.read(MusicHeader)
    return checkpoint.network(loaded, header.model, folder="music.models").to(device), header
