"""From emissions to text: greedy and beam search over CTC log-probabilities, and their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.decoding.hypothesis import Decoder, Hypothesis

__all__ = ["PLUGINS", "Decoder", "Hypothesis"]

PLUGINS = ("beam", "greedy")


__getattr__, __dir__ = lazy(
    __name__,
    {
        "Decoder": "hypothesis",
        "Hypothesis": "hypothesis",
    },
)
