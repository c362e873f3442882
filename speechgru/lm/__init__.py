"""Language models: n-grams of words, estimated (`build`), stored and queried (`load`), and GRUs over characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.lm.estimate import build
    from speechgru.lm.neural import LanguageModel, load_language_model
    from speechgru.lm.ngram import NGram, load

__all__ = ["LanguageModel", "NGram", "build", "load", "load_language_model"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "LanguageModel": "neural",
        "NGram": "ngram",
        "build": "estimate",
        "load": "ngram",
        "load_language_model": "neural",
    },
)
