"""The labels of a model, normalisation of texts by language, numbers and spoken forms.

`normalise` is for English, `normaliser_for` finds the normaliser of a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.text.english import normalise
    from speechgru.text.normalize import Normaliser, normaliser_for
    from speechgru.text.vocabulary import Vocabulary

__all__ = ["Normaliser", "Vocabulary", "normalise", "normaliser_for"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Normaliser": "normalize",
        "Vocabulary": "vocabulary",
        "normalise": "english",
        "normaliser_for": "normalize",
    },
)
