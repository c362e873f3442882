"""From a recording to a transcript, by a model from its file."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.inference.classifier import Classifier, load_classifier
    from speechgru.inference.recognizer import Recognizer, load_recognizer, transcribe

_HOMES = {
    "Classifier": "classifier",
    "Recognizer": "recognizer",
    "load_classifier": "classifier",
    "load_recognizer": "recognizer",
    "transcribe": "recognizer",
}

__all__ = ["Classifier", "Recognizer", "load_classifier", "load_recognizer", "transcribe"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
