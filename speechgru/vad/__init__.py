"""Where somebody speaks in a recording."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.vad.detector import Detector, load_detector

_HOMES = {
    "Detector": "detector",
    "load_detector": "detector",
}

__all__ = ["Detector", "load_detector"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
