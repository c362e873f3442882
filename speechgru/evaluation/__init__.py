"""How good a model is: error rates with intervals (`evaluate`, `score`), comparisons (`compare`), calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.evaluation.comparison import compare
    from speechgru.evaluation.recognition import evaluate
    from speechgru.evaluation.wer import score

__all__ = ["compare", "evaluate", "score"]

__getattr__, __dir__ = lazy(__name__, {"compare": "comparison", "evaluate": "recognition", "score": "wer"})
