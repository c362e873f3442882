"""Settings of task=punctuation: `punctuation` in a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from speechgru.config.section import NOT_NEGATIVE, POSITIVE, PROBABILITY, Section, between
from speechgru.tasks.text_settings import TextSourceConfig


@dataclass(frozen=True)
class WrittenSourceConfig(TextSourceConfig):
    """One file of written text with punctuation."""

    column: int = 0
    """Of a line's parts between tabs, the one that is taken, counted from 0."""
    shuffle: bool = False
    """Lines that don't follow one another: they are put in a random order, each once."""
    parts: int = 1
    """An epoch takes one of so many parts of the source, the next epoch the next."""


@dataclass(frozen=True)
class PausesConfig(Section):
    """Seconds from the end of a word to the beginning of the next, by the mark between them: even
    quantiles, two or more, from the least up (tools/release/measure_pauses.py prints them). Empty lists: no pauses are
    learnt from."""

    KEY: ClassVar[str] = "punctuation.pauses"

    none: list[float] = field(default_factory=list)
    comma: list[float] = field(default_factory=list)
    period: list[float] = field(default_factory=list)
    question: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        lists = {name: getattr(self, name) for name in ("none", "comma", "period", "question")}
        for name, seconds in lists.items():
            if seconds != sorted(seconds) or any(s < 0 for s in seconds) or len(seconds) == 1:
                raise self.refused(name, "seconds from the least to the most")
            if bool(seconds) != any(lists.values()):
                raise self.refused(name, "pauses of all marks, or of none")

    @property
    def all(self) -> tuple[list[float], ...]:
        """By mark, in the order of text.punctuation.MARKS."""
        return self.none, self.comma, self.period, self.question


@dataclass(frozen=True)
class PunctuationConfig(Section):
    """Written text that a tagger learns punctuation and capitals from. What is read in the recordings of `corpus.dev`
    and `corpus.test` is taken out of it."""

    KEY: ClassVar[str] = "punctuation"

    sources: list[WrittenSourceConfig] = field(default_factory=list)
    vocabulary: Annotated[int, POSITIVE] = 8000
    """Words that have a vector of their own: the most frequent ones."""
    window: Annotated[int, between(2, 1000)] = 128
    """Words that are learnt from in one piece."""
    held_out: Annotated[float, between(0.0001, 0.5)] = 0.01
    """Share of the text, in blocks of lines, that is not learnt from: it chooses the best epoch."""
    substituted: Annotated[float, PROBABILITY] = 0.05
    """Share of the words of training that are replaced by other words, as recognition errors do."""
    pauses: PausesConfig = field(default_factory=PausesConfig)
    unknown_pauses: Annotated[float, PROBABILITY] = 0.3
    """Share of the training windows whose pauses aren't known."""
    uneven: Annotated[float, NOT_NEGATIVE] = 0.3
    """Readers differ: all pauses of a window are multiplied by a number from the lognormal distribution with this
    deviation."""
