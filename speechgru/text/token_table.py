"""The symbol tables beside other people's models: tokens.txt, vocab.txt, vocab.json, tokenizer.json.

tokens.txt has a line for each output, the token and its number. A number alone stands for a space. Where no line has a
number, lines count from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import CheckpointError
from speechgru.text import subwords
from speechgru.text.vocabulary import Vocabulary
from speechgru.utils import json_text

BLANKS = ("<blk>", "<eps>", "<blank>", "<blank_symbol>")
NAMES = ("tokens.txt", "vocab.txt", "vocab.json", "tokenizer.json")
MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Columns:
    """Which of a network's outputs stand for what.

    vocabulary: the blank, then `order`'s symbols. blanks: outputs that write nothing, the blank among them; their
    probabilities are added. order: the other outputs.
    """

    vocabulary: Vocabulary
    blanks: tuple[int, ...]
    order: tuple[int, ...]

    def arrange(self, log_probs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-probabilities [frames, outputs] as our decoders take them: [frames, symbols], the blank first."""
        blank = np.logaddexp.reduce(log_probs[:, self.blanks], axis=1, keepdims=True)
        return np.concatenate([blank, log_probs[:, self.order]], axis=1)


def find(folder: Path) -> Path:
    """The table in a model's folder.

    Raises:
        CheckpointError: there is none.
    """
    for name in NAMES:
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(
        f"{folder} has no symbol table beside the model; expected {', '.join(NAMES[:-1])} or {NAMES[-1]}. Copy the one "
        "that the model was published with."
    )


def read(path: Path) -> list[str]:
    """Tokens by their number.

    Raises:
        CheckpointError: it can't be read, a number is missing or twice.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(
                f"{path} has {path.stat().st_size:,} bytes; expected a symbol table of fewer."
            )
        text = path.read_text(encoding="utf-8-sig")
        numbers = _from_json(text) if path.suffix == ".json" else _from_lines(text)
    except (OSError, ValueError, TypeError, LookupError) as error:  # JSON may be of any shape
        reason = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(
            f"{path} is no symbol table: {reason}. Expected a token and its number in each line, or JSON of them."
        ) from error
    if sorted(number for _, number in numbers) != list(range(len(numbers))):
        known = [number for _, number in numbers]
        missing = sorted(set(range(len(numbers))) - set(known))
        raise CheckpointError(
            f"{path} has {len(numbers)} tokens, whose numbers should be 0 to {len(numbers) - 1}, each once; "
            f"{missing[0] if missing else 'one'} is missing. Was it cut short, or is it of another model?"
        )
    return [token for token, _ in sorted(numbers, key=lambda row: row[1])]


def columns(tokens: list[str], outputs: int, path: Path, blank: int | None = None) -> Columns:
    """What the `outputs` of a network stand for.

    Args:
        path: of the table, for messages.
        blank: where another file says it; None: the table's own, or where it has one token fewer than there are
            outputs, the last output.

    Raises:
        CheckpointError: the table has more or fewer tokens than there are outputs, or none is the blank.
    """
    if blank is None:
        named = [tokens.index(name) for name in BLANKS if name in tokens]
        if named:
            blank = named[0]
        elif len(tokens) == outputs - 1:
            tokens, blank = [*tokens, BLANKS[0]], outputs - 1
    if len(tokens) != outputs:
        raise CheckpointError(
            f"{path} has {len(tokens)} tokens and the network {outputs} outputs; expected as many. It is the table of "
            "another model: copy the one that this model was published with."
        )
    if blank is None or not 0 <= blank < outputs:
        raise CheckpointError(
            f"{path} has no blank, which CTC needs; expected one of {' '.join(BLANKS[:3])} among the tokens. Is this a "
            "model that CTC trained?"
        )
    pieces = [subwords.piece(token) if number != blank else "" for number, token in enumerate(tokens)]
    order = tuple(number for number, each in enumerate(pieces) if each)
    blanks = tuple(number for number, each in enumerate(pieces) if not each)
    if not order:
        raise CheckpointError(
            f"{path} has no token that writes anything; expected letters or pieces of words."
        )
    return Columns(subwords.vocabulary([pieces[number] for number in order]), blanks, order)


def _from_lines(text: str) -> list[tuple[str, int]]:
    rows = [line.split() for line in text.split("\n") if line.strip("\r\n")]
    if not rows:
        raise ValueError("it is empty")
    if not any(len(row) > 1 or (row[:1] and row[0].isdecimal()) for row in rows):
        return [(row[0] if row else " ", number) for number, row in enumerate(rows)]
    found = []
    for line, row in enumerate(rows, start=1):
        if len(row) not in (1, 2) or not row[-1].isdecimal():
            raise ValueError(f"line {line} is {' '.join(row)[:60]!r}")
        found.append((row[0] if len(row) == 2 else " ", int(row[-1])))
    return found


def _from_json(text: str) -> list[tuple[str, int]]:
    value: Any = json_text.loads(text)
    if isinstance(value, Mapping) and isinstance(value.get("model"), Mapping):
        value = _of_tokenizer(value)
    if isinstance(value, list) and all(isinstance(token, str) for token in value):
        return [(token, number) for number, token in enumerate(value)]
    if not isinstance(value, Mapping) or not all(type(number) is int for number in value.values()):
        raise ValueError("it maps no tokens to numbers")
    return [(str(token), number) for token, number in value.items()]


def _of_tokenizer(value: Mapping[str, Any]) -> dict[str, Any]:
    """The vocabulary of a tokenizer.json of Hugging Face, with the tokens that were added to it."""
    stored = value["model"].get("vocab")
    if isinstance(stored, list):  # unigram: [piece, score]
        stored = {row[0] if isinstance(row, list) and row else row: n for n, row in enumerate(stored)}
    if not isinstance(stored, Mapping):
        raise ValueError("its model has no vocab")
    added = value.get("added_tokens") or []
    return {**stored, **{row["content"]: row["id"] for row in added if isinstance(row, Mapping)}}
