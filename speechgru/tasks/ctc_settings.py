"""Settings of task=ctc: `ctc` in a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

from speechgru.config.section import BELOW_ONE, NOT_NEGATIVE, Section


@dataclass(frozen=True)
class CtcConfig(Section):
    """task=ctc: what is minimised beside the CTC loss. See speechgru/tasks/ctc_loss.py."""

    KEY: ClassVar[str] = "ctc"

    intermediate: Annotated[float, BELOW_ONE] = 0.0
    """Share of the loss that is the CTC loss of lower layers, read by the same head."""
    intermediate_layers: list[int] = field(default_factory=list)
    """Which, counted from 1; empty: the middle one."""
    smoothing: Annotated[float, BELOW_ONE] = 0.0
    """Share of the loss that is the frames' divergence from knowing nothing: label smoothing, or entropy penalty."""
    consistency: Annotated[float, NOT_NEGATIVE] = 0.0
    """Weight of the divergence between the outputs of two views of a recording, masked apart (CR-CTC); 0: one view. Two
    take twice the time."""
    pronunciations: str = "start"
    """Pronouncing dictionary from which a second head learns phones: the name of one that comes with the package
    (`english`), or a file like CMUdict, below `corpus.root`; `start`: that of the model that the run starts from, if it
    is read with one; empty: none."""
    pronounced: Annotated[float, BELOW_ONE] = 0.5
    """Share of the loss that is the CTC loss of the phones, where there is a dictionary."""

    def layers(self, count: int) -> list[int]:
        """The lower layers that are read, of a network of `count`.

        Raises:
            ConfigError: a layer that isn't one of those below the last.
        """
        if not self.intermediate:
            return []
        chosen = self.intermediate_layers or [count // 2]
        below = all(1 <= layer < count for layer in chosen)
        if not below:
            expected = f"layers from 1 to {count - 1}, those below the last"
            raise replace(self, intermediate_layers=chosen).refused("intermediate_layers", expected)
        return chosen
