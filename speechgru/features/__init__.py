"""Features of sound: `extract(source, kind, **settings)`, `stream`, `kinds()`; classes and settings in the families."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.features.extraction import Features, extract, stream
    from speechgru.features.frontend import LogMel
    from speechgru.features.presets import PRESETS
    from speechgru.features.registry import find, kinds, transform
    from speechgru.features.streaming import Streaming

__all__ = ["PRESETS", "Features", "LogMel", "Streaming", "extract", "find", "kinds", "stream", "transform"]

_HOMES = {
    "Features": "extraction",
    "LogMel": "frontend",
    "PRESETS": "presets",
    "Streaming": "streaming",
    "extract": "extraction",
    "find": "registry",
    "kinds": "registry",
    "stream": "extraction",
    "transform": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"speechgru.features.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
