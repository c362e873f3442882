"""The mean of several checkpoints' weights: the last steps' noise cancels out (Polyak and Juditsky 1992; of saved
epochs: Vaswani et al. 2017, section 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechgru.errors import CheckpointError
from speechgru.models import checkpoint
from speechgru.models.checkpoint import Checkpoint

# What a model is, by its header: of two that differ here, the mean is none. `features` count by their fingerprint.
_SAME = ("model", "features", "vocabulary", "classes", "sounds")


def average(paths: Sequence[str | Path]) -> Checkpoint:
    """The mean of at least two checkpoints of one network, ready to be saved; its path is the first one's.

    Weights are added up in float32 and stored in the precision of the first. What else all headers agree in (how to
    decode, say) stays; the provenance names what went into the mean, and all corpora with their licences.

    Raises:
        CheckpointError: one can't be read, or they are of different kinds, sizes, features or symbols.
    """
    loaded = [checkpoint.load(path) for path in paths]
    assert len(loaded) > 1, "a mean of one"
    first = loaded[0]
    for other in loaded[1:]:
        _refuse_others(first, other.require(first.kind))
    return Checkpoint(first.path, first.kind, _header(loaded), _mean([each.tensors for each in loaded]))


def _refuse_others(first: Checkpoint, other: Checkpoint) -> None:
    for key in _SAME:
        ours, theirs = (_identity(key, each.header.get(key)) for each in (first, other))
        if ours != theirs:
            raise CheckpointError(
                f"{other.path} has other {_NAMES.get(key, key)} than {first.path}; a mean wants checkpoints of one "
                "network, best of one run (trainer.keep)."
            )
    shapes = [{name: tuple(t.shape) for name, t in each.tensors.items()} for each in (first, other)]
    if shapes[0] != shapes[1]:
        wrong = min(
            name for name in shapes[0].keys() | shapes[1].keys() if shapes[0].get(name) != shapes[1].get(name)
        )
        raise CheckpointError(
            f"{other.path} has other sizes than {first.path}: {wrong} is {shapes[1].get(wrong, 'missing')}, not "
            f"{shapes[0].get(wrong, 'there')}."
        )


_NAMES = {"model": "sizes", "vocabulary": "symbols"}


def _identity(key: str, value: Any) -> Any:
    """What decides: how features are named doesn't, and dropout is no size of a network."""
    if key == "features" and isinstance(value, dict):
        return value.get("fingerprint")
    if key == "model" and isinstance(value, dict):
        settings = value.get("settings")
        kept = (
            {k: v for k, v in settings.items() if "dropout" not in k}
            if isinstance(settings, dict)
            else settings
        )
        return value.get("name"), kept
    return value


def _mean(tensors: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of each tensor; whole numbers, which count something, are the first's."""
    means = {}
    for name, own in tensors[0].items():
        if not own.is_floating_point():
            means[name] = own
            continue
        total = torch.zeros(own.shape, dtype=torch.float32)
        for each in tensors:
            total += each[name].float()
        means[name] = (total / len(tensors)).to(own.dtype)
    return means


def _header(loaded: Sequence[Checkpoint]) -> dict[str, Any]:
    """The entries that all share, those of the first that say what it is, and where all come from."""
    first = loaded[0].header
    header = {
        key: value for key, value in first.items() if all(each.header.get(key) == value for each in loaded)
    }
    header |= {key: first[key] for key in _SAME if key in first}
    return {**header, "provenance": _provenance(loaded)}


def _provenance(loaded: Sequence[Checkpoint]) -> dict[str, Any]:
    given = [each.header.get("provenance") or {} for each in loaded]
    shared = {key: value for key, value in given[0].items() if all(p.get(key) == value for p in given)}
    corpora = {corpus["name"]: corpus for p in given for corpus in p.get("corpora", [])}
    parts = [
        {"file": each.path.name, **{key: p[key] for key in ("recipe", "epoch", "score") if key in p}}
        for each, p in zip(loaded, given)
    ]
    return {**shared, **({"corpora": list(corpora.values())} if corpora else {}), "averaged": parts}
