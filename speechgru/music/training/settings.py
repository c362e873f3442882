"""Settings of task=rolls and task=words: `music` in a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from speechgru.config.section import NOT_NEGATIVE, POSITIVE, Section


@dataclass(frozen=True)
class MusicConfig(Section):
    """How pieces of music are cut for training; they are scored whole."""

    KEY: ClassVar[str] = "music"

    chunk: Annotated[int, POSITIVE] = 256
    """Most steps (or events) that are learnt from at once; longer pieces are cut anew in every epoch."""
    run_in: Annotated[int, NOT_NEGATIVE] = 64
    """Steps before a cut that the network reads first, without learning from them."""
