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
    one_voice: Annotated[float, between(0, 1)] = 0.0
    """The model is to know one voice: features are fitted from the transform of the training recordings, and the
    recordings of this voice differ by 1 less this share of what speakers do; 0: any voice."""
    favoured: Annotated[float, between(0, 1)] = 0.0
    """Words of the training texts that are rarer elsewhere are favoured, by this power of the ratio."""
