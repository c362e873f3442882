"""The symbols of an acoustic model: its labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from speechgru.errors import ConfigError, CorpusError
from speechgru.utils import schema

SPACE = " "
BLANK = 0
BLANK_SYMBOL = "<blank>"


@dataclass(frozen=True)
class Vocabulary:
    """The labels of a model: the blank of CTC at index 0 (`BLANK`), then single characters."""

    symbols: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False, hash=False)

    BLANK = BLANK

    def __post_init__(self) -> None:
        symbols = tuple(self.symbols)
        object.__setattr__(self, "symbols", symbols)
        if not symbols or symbols[0] != BLANK_SYMBOL:
            raise ConfigError(
                f"Vocabulary starts with {symbols[:1]!r}; expected {BLANK_SYMBOL!r} as symbol 0."
            )
        wrong = [s for s in symbols[1:] if not isinstance(s, str) or len(s) != 1]
        if wrong or len(set(symbols)) != len(symbols):
            raise ConfigError(f"Vocabulary symbols must be different single characters; got {symbols!r}.")
        object.__setattr__(self, "_index", {s: i for i, s in enumerate(symbols) if i != BLANK})

    @classmethod
    def stored(cls, value: Any, where: str = "vocabulary") -> Vocabulary:
        """The vocabulary in a checkpoint's header, a list of symbols.

        Raises:
            ConfigError: it isn't a list of a blank and single characters, all different.
        """
        return cls(tuple(schema.convert(list[str], value, where)))

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Vocabulary:
        """The characters that occur in `texts`, sorted, after the blank."""
        return cls((BLANK_SYMBOL, *sorted(set().union(*texts))))

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def characters(self) -> tuple[str, ...]:
        """What texts are written with, and the blank."""
        return self.symbols

    def unknown(self, text: str) -> set[str]:
        """The characters of `text` that the vocabulary doesn't hold."""
        return set(text) - self._index.keys()

    def encode(self, text: str) -> list[int]:
        """Labels in [1, len(self)), one a character.

        Raises:
            CorpusError: `text` holds characters that aren't in the vocabulary; the message names them.
        """
        try:
            return [self._index[c] for c in text]
        except KeyError:
            known = "".join(self.symbols[1:])
            raise CorpusError(
                f"Characters outside the vocabulary: {''.join(sorted(self.unknown(text)))!r} in {text!r}. "
                f"Expected only {known!r}; normalise the text, or drop the utterance."
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of labels in [0, len(self)); blanks are skipped, repeats are kept.

        Raises:
            IndexError: a label is outside the vocabulary.
        """
        labels = [int(i) for i in ids]
        if any(not 0 <= i < len(self) for i in labels):
            raise IndexError(f"Label outside [0, {len(self)}) among {labels!r}.")
        return "".join(self.symbols[i] for i in labels if i != BLANK)
