"""Features of sound: `extract(source, kind, **settings)`, `stream`, `kinds()`; classes and settings in the families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.features.extraction import Features, extract, stream
    from speechgru.features.frontend import LogMel
    from speechgru.features.presets import PRESETS
    from speechgru.features.registry import find, kinds, transform
    from speechgru.features.streaming import Streaming

__all__ = ["PRESETS", "Features", "LogMel", "Streaming", "extract", "find", "kinds", "stream", "transform"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Features": "extraction",
        "LogMel": "frontend",
        "PRESETS": "presets",
        "Streaming": "streaming",
        "extract": "extraction",
        "find": "registry",
        "kinds": "registry",
        "stream": "extraction",
        "transform": "registry",
    },
)
