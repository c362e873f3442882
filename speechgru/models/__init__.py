"""Networks, one a file (KIND, Settings, Model(settings)), their parts, and the files that hold their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.models.averaging import average
    from speechgru.models.checkpoint import Checkpoint, load, save
    from speechgru.models.encoder import Encoder
    from speechgru.models.gru import GRU

PLUGINS = ("acoustic", "classifier", "detector", "language", "tagger")

__all__ = ["GRU", "PLUGINS", "Checkpoint", "Encoder", "average", "load", "save"]


__getattr__, __dir__ = lazy(
    __name__,
    {
        "Checkpoint": "checkpoint",
        "Encoder": "encoder",
        "GRU": "gru",
        "average": "averaging",
        "load": "checkpoint",
        "save": "checkpoint",
    },
)
