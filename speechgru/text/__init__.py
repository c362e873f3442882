"""The labels of a model, normalisation of texts by language, numbers and spoken forms.

`normalise` is for English, `normaliser_for` finds the normaliser of a model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.text.english import normalise
    from speechgru.text.normalize import Normaliser, normaliser_for
    from speechgru.text.vocabulary import Vocabulary

__all__ = ["Normaliser", "Vocabulary", "normalise", "normaliser_for"]

_HOMES = {
    "Normaliser": "normalize",
    "Vocabulary": "vocabulary",
    "normalise": "english",
    "normaliser_for": "normalize",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
