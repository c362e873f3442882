"""Forced alignment: the times of the words of a known text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.alignment.models import Aligner, load_aligner
    from speechgru.alignment.recording import align
    from speechgru.alignment.text import Alignment, align_text

__all__ = ["Aligner", "Alignment", "align", "align_text", "load_aligner"]


__getattr__, __dir__ = lazy(
    __name__,
    {
        "Aligner": "models",
        "Alignment": "text",
        "align": "recording",
        "align_text": "text",
        "load_aligner": "models",
    },
)
