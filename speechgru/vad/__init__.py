"""Where somebody speaks in a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.vad.detector import Detector, load_detector

__all__ = ["Detector", "load_detector"]


__getattr__, __dir__ = lazy(
    __name__,
    {
        "Detector": "detector",
        "load_detector": "detector",
    },
)
