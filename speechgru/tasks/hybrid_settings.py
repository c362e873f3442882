"""Settings of task=hybrid: `hybrid` in a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from speechgru.config.section import NOT_NEGATIVE, Section, between


@dataclass(frozen=True)
class HybridConfig(Section):
    """task=hybrid: what is minimised beside the lattice-free criterion, and what is done to the recordings."""

    KEY: ClassVar[str] = "hybrid"

    cross_entropy: Annotated[float, NOT_NEGATIVE] = 0.3
    """Weight of the cross-entropy with the alignment."""
    loud: Annotated[float, NOT_NEGATIVE] = 0.00005
    """Weight of the outputs' squares."""
    vocal_tract: Annotated[float, between(0, 0.2)] = 0.08
    """The most by which frequencies are warped."""
