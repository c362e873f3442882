"""The symbols of models that write pieces of words (BPE, unigram), as SentencePiece and its users store them.

A piece that begins a word begins with a space here (SentencePiece writes ▁). What no text is written with (`<unk>`,
`</s>`, `<pad>`) is no piece. A byte of a character that has no piece (`<0xE2>`) is one code point from U+DC80 to
U+DCFF, as Python's own surrogateescape has it; `joined` makes characters of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from speechgru.errors import ConfigError, CorpusError
from speechgru.text.vocabulary import BLANK_SYMBOL, SPACE, Vocabulary

WORD_START = "▁"
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_BYTES = re.compile("[\udc80-\udcff]")
_CONTROL = re.compile(r"<[^<>\s]+>|\[(?:PAD|UNK|CLS|SEP|MASK)\]|SIL")


@dataclass(frozen=True)
class Subwords(Vocabulary):
    """The pieces of a model, the blank of CTC first."""

    def __post_init__(self) -> None:
        symbols = tuple(self.symbols)
        object.__setattr__(self, "symbols", symbols)
        if symbols[:1] != (BLANK_SYMBOL,):
            raise ConfigError(f"Pieces start with {symbols[:1]!r}; expected {BLANK_SYMBOL!r} as symbol 0.")
        if not all(isinstance(s, str) and s for s in symbols):
            raise ConfigError("A piece is empty; expected at least one character in each.")
        object.__setattr__(self, "_index", {})

    @property
    def characters(self) -> tuple[str, ...]:
        """Of which the pieces are made, and the blank."""
        return (
            BLANK_SYMBOL,
            *sorted({c for s in self.symbols[1:] for c in s if not "\udc80" <= c <= "\udcff"}),
        )

    def unknown(self, text: str) -> set[str]:
        """The characters of `text` that no piece holds."""
        return set(text) - set(self.characters)

    def encode(self, text: str) -> list[int]:
        """Refused: how a text is cut into pieces, a model's tokenizer alone knows.

        Raises:
            CorpusError: always.
        """
        raise CorpusError(
            f"{text!r} can't be cut into the pieces of this model: its file holds no tokenizer. Take one of "
            "characters."
        )


def joined(pieces: Iterable[str]) -> str:
    """The text of pieces, without spaces at its ends.

    >>> joined([" th", "e", " ca", "f", "\udcc3", "\udca9"])
    'the café'
    """
    text = "".join(pieces)
    if _BYTES.search(text):
        with suppress(UnicodeEncodeError):  # of a damaged file: other halves of characters stay as they are
            text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.strip(SPACE)


def piece(token: str) -> str:
    """What a token of a symbol table writes: with a space where a word begins; "" for those that write nothing.

    >>> piece("▁the"), piece("|"), piece("<unk>"), piece("<0x41>")
    (' the', ' ', '', 'A')
    """
    byte = _BYTE.fullmatch(token)
    if byte:
        return bytes([int(byte[1], 16)]).decode("ascii", "surrogateescape")
    if token == "|":  # of wav2vec 2.0
        return SPACE
    return "" if _CONTROL.fullmatch(token) else token.replace(WORD_START, SPACE)


def vocabulary(pieces: Sequence[str]) -> Vocabulary:
    """Of pieces as `piece` gives them, the blank left out: characters where each is a different one, else subwords.

    Pieces in capitals alone (as LibriSpeech's texts are) are taken in small letters, which language models and
    hotwords have.
    """
    text = "".join(pieces)
    if text.isupper() and not any(c.islower() for c in text):
        pieces = [p.lower() if len(p.lower()) == len(p) else p for p in pieces]
    single = all(len(p) == 1 and not "\udc80" <= p <= "\udcff" for p in pieces)
    kind = Vocabulary if single and len(set(pieces)) == len(pieces) else Subwords
    return kind((BLANK_SYMBOL, *pieces))
