"""Language models: n-grams of words, estimated (`build`), stored and queried (`load`), and GRUs over characters."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.lm.estimate import build
    from speechgru.lm.neural import LanguageModel, load_language_model
    from speechgru.lm.ngram import NGram, load

__all__ = ["LanguageModel", "NGram", "build", "load", "load_language_model"]

_HOMES = {
    "LanguageModel": "neural",
    "NGram": "ngram",
    "build": "estimate",
    "load": "ngram",
    "load_language_model": "neural",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
