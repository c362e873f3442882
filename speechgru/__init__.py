"""Speech recognition with gated recurrent units: train it, run it, read every line of it.

The public names are imported when they are first used, so that `import speechgru` itself costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.features.spectral import LogMel, log_mel, mfcc
    from speechgru.recognizer import load_recognizer, transcribe

__version__ = "0.1.0"

__all__ = ["LogMel", "__version__", "load_recognizer", "log_mel", "mfcc", "transcribe"]

_HOMES = {
    "LogMel": "speechgru.features.spectral",
    "load_recognizer": "speechgru.recognizer",
    "log_mel": "speechgru.features.spectral",
    "mfcc": "speechgru.features.spectral",
    "transcribe": "speechgru.recognizer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
