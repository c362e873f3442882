"""Networks, one a file (KIND, Settings, Model(settings)), their parts, and the files that hold their weights."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.models.averaging import average
    from speechgru.models.checkpoint import Checkpoint, load, save
    from speechgru.models.encoder import Encoder
    from speechgru.models.gru import GRU

PLUGINS = ("acoustic", "classifier", "detector", "language")

_HOMES = {
    "Checkpoint": "checkpoint",
    "Encoder": "encoder",
    "GRU": "gru",
    "average": "averaging",
    "load": "checkpoint",
    "save": "checkpoint",
}

__all__ = ["GRU", "PLUGINS", "Checkpoint", "Encoder", "average", "load", "save"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
