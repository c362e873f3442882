"""Settings of task=language: `text` in a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from speechgru.config.section import FRACTION, POSITIVE, Section


@dataclass(frozen=True)
class TextSourceConfig:
    """One file of written text."""

    path: str
    """Plain text in UTF-8, a sentence or paragraph a line, as it is or packed (.gz); below `corpus.root`, or
    absolute."""
    label: str = ""
    """Names the source in reports; the file's name where it is empty."""
    licence: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", Path(self.path).name.partition(".")[0])


@dataclass(frozen=True)
class TextConfig(Section):
    """Written text that a language model learns from. The sentences of `corpus.dev` and `corpus.test` are taken out
    of it, and scored beside it."""

    KEY: ClassVar[str] = "text"

    sources: list[TextSourceConfig] = field(default_factory=list)
    max_characters: Annotated[int, POSITIVE] = 200
    """Longer sentences are cut between words."""
    held_out: Annotated[float, FRACTION] = 0.01
    """Share of the sentences that is not learnt from: they choose the best epoch."""
    parts: Annotated[int, POSITIVE] = 1
    """An epoch takes one of so many parts of the text, the next epoch the next."""
