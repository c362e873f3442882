"""How good a model is: error rates with intervals (`evaluate`, `score`), comparisons (`compare`), calibration."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.evaluation.comparison import compare
    from speechgru.evaluation.recognition import evaluate
    from speechgru.evaluation.wer import score

__all__ = ["compare", "evaluate", "score"]

_HOMES = {"compare": "comparison", "evaluate": "recognition", "score": "wer"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
