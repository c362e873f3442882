"""A network of music from its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from speechgru import checkpoint, plugins, typed
from speechgru.errors import CheckpointError, ConfigError, MusicError


def load(path: str | Path, kind: str, device: str) -> tuple[Any, dict[str, Any]]:
    """The network and the header of a checkpoint of this kind.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    loaded = checkpoint.load(path).require(kind)
    try:
        stored = loaded.get("model")
        module: Any = plugins.find("music.models", stored["name"])
        if kind != module.KIND:
            raise ConfigError(f"{stored['name']!r} is a network of kind {module.KIND!r}")
        settings = typed.build(module.Settings, stored["settings"], "model")
        with torch.device("meta"):
            network = module.Model(settings)
    except (ConfigError, MusicError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a header that fits no model of kind {kind!r}: {error}") from error
    checkpoint.fill(network, loaded)
    return network.to(device).eval(), loaded.header
