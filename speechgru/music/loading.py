"""A network of music from its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from speechgru import checkpoint
from speechgru.errors import CheckpointError, ConfigError, MusicError


def load(path: str | Path, kind: str, device: str) -> tuple[Any, dict[str, Any]]:
    """The network and the header of a checkpoint of this kind.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    loaded = checkpoint.load(path).require(kind)
    try:
        network = checkpoint.network(loaded, folder="music.models")
    except (ConfigError, MusicError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a header that fits no model of kind {kind!r}: {error}") from error
    checkpoint.fill(network, loaded)
    return network.to(device).eval(), loaded.header
