"""Scoring whole pieces, of whatever form: the state is carried through each, so the likelihood is exact.

A network of music from its checkpoint, and what its file says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from speechgru.models import checkpoint
from speechgru.models.checkpoint import Header, NetworkEntry
from speechgru.music.score.corpus_facts import BY_NAME, CorpusFacts, combined
from speechgru.utils import device as devices

WIDTH = 8
"""Pieces that are scored side by side."""


class Views(Protocol):
    """How pieces become inputs of a network: `roll_inputs.py` for rolls, `token_inputs.py` for tokens."""

    def view(self, pieces: Sequence[Any], spans: Sequence[tuple[int, int]]) -> Any:
        """What is known before each step: a named tuple of tensors [B, T, ...]."""

    def targets(self, pieces: Sequence[Any], spans: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """The steps themselves, and [B, T]: 1 where there is one, 0 in the padding."""


def nats(network: Any, pieces: Sequence[Any], views: Views, at_once: int) -> list[tuple[float, float]]:
    """Negative log-likelihood of the first step and of all others, of each piece, in full precision.

    Args:
        network: `network(view, targets, state)` gives log-probabilities [B, T, ...] that add up, and a state.
        pieces: as `views` takes them; `len()` is how many steps they have.
        at_once: most steps that are scored at once.
    """
    order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i]))
    by_piece: dict[int, tuple[float, float]] = {}
    for start in range(0, len(order), WIDTH):
        some = order[start : start + WIDTH]
        by_piece.update(
            zip(some, _side_by_side(network, [pieces[i] for i in some], views, at_once), strict=True)
        )
    return [by_piece[i] for i in range(len(pieces))]


@torch.inference_mode()
def _side_by_side(
    network: Any, pieces: Sequence[Any], views: Views, at_once: int
) -> list[tuple[float, float]]:
    """The same of a few pieces, the longest first."""
    device, was_training = next(network.parameters()).device, network.training
    network.eval()
    sums, state = np.zeros((len(pieces), 2)), None
    window = max(1, at_once // len(pieces))
    for start in range(0, len(pieces[0]), window):
        going = [piece for piece in pieces if len(piece) > start]
        spans = [(start, min(start + window, len(piece))) for piece in going]
        targets, inside = views.targets(going, spans)
        before = None if state is None else state[:, : len(going)]
        with torch.autocast(device.type, enabled=False):
            log_probs, state = network(on(device, views.view(going, spans)), targets.to(device), before)
        losses = -(log_probs.flatten(2).sum(dim=2).double().cpu() * inside).numpy()
        sums[: len(going), 1] += losses.sum(axis=1)
        if start == 0:
            sums[:, 0] = losses[:, 0]
    sums[:, 1] -= sums[:, 0]
    network.train(was_training)
    return [(float(first), float(rest)) for first, rest in sums]


def on(device: torch.device, view: Any) -> Any:
    """A view on a device."""
    return type(view)(*(part.to(device) for part in view))


@dataclass(frozen=True)
class SourceEntry:
    """A corpus: its name, its folder below that of all data, and its facts; None in files from before they held any."""

    name: str
    path: str
    facts: CorpusFacts | None = None


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

    @property
    def facts(self) -> CorpusFacts:
        """What all pieces that the model learnt from have in common."""
        sources = self.corpus.sources if self.corpus else ()
        return combined([each.facts or BY_NAME.get(each.name, CorpusFacts()) for each in sources])


UNSAVED = MusicHeader(model=NetworkEntry("", {}))
"""Of a model that isn't from a file."""


def load_network(path: str | Path, kind: str, device: str) -> tuple[Any, MusicHeader]:
    """The network and the header of a checkpoint of this kind.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    device = devices.find(device)
    loaded = checkpoint.load(path).require(kind)
    header = loaded.read(MusicHeader)
    return checkpoint.network(loaded, header.model, folder="music.models").to(device), header
