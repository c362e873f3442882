"""From emissions to text: greedy and beam search over CTC log-probabilities, and their parts."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.decoding.hypothesis import Decoder, Hypothesis

__all__ = ["PLUGINS", "Decoder", "Hypothesis"]

PLUGINS = ("beam", "greedy")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.hypothesis"), name)
