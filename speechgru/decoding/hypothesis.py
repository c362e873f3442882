"""The result of a decoder: symbols with the frames they cover, and words with times.

Times. A CTC network tends to emit a symbol at one peak and blanks around it, so a token covers the frames of its own
run alone: a word starts with its first token and ends by its last token's end. Spans never overlap and are never
empty; they lie inside the spoken word rather than around it. speechgru.inference.word_times corrects that.

Confidence. A token's is the highest probability of its symbol within its run; a word's is the geometric mean of its
tokens' (so that one doubtful character counts, and long words aren't punished for their length). Neither is a
probability to be right: speechgru.inference.confidence makes it one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from speechgru.text.subwords import joined
from speechgru.text.vocabulary import SPACE
from speechgru.transcript import Word

_TINY = 1e-12


@dataclass(frozen=True)
class Token:
    """One symbol over output frames [start, end); confidence in [0, 1]. A piece of a word that begins one begins with a
    space."""

    symbol: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class Hypothesis:
    """A decoded text with its tokens and its log-probability (natural log)."""

    text: str
    tokens: tuple[Token, ...]
    score: float


class Decoder(Protocol):
    """Makes a text of log-probabilities [frames, symbols], natural logs, blank first.

    `phones`: those, space first, that it reads beside characters; their columns (a blank before them) follow.
    """

    @property
    def settings(self) -> Any: ...
    @property
    def phones(self) -> tuple[str, ...]: ...

    def __call__(self, log_probs: Any) -> Hypothesis:
        """The likeliest text of one utterance; `log_probs` is an array or a tensor."""


def words(hypothesis: Hypothesis, frame_seconds: float, offset: float = 0.0) -> tuple[Word, ...]:
    """Words of `hypothesis` with times in seconds: `offset` plus frames times `frame_seconds`.

    The space symbol separates words and belongs to none.

    >>> tokens = (Token("h", 2, 3, 1), Token("i", 4, 6, 1), Token(" ", 6, 7, 1), Token("o", 9, 10, 0.25))
    >>> [(w.text, w.start, w.end, w.confidence) for w in words(Hypothesis("hi o", tokens, 0.0), 0.5, 10.0)]
    [('hi', 11.0, 13.0, 1.0), ('o', 14.5, 15.0, 0.25)]
    """
    return tuple(_word(group, frame_seconds, offset) for group in _groups(hypothesis.tokens))


def confidences(hypothesis: Hypothesis) -> tuple[tuple[float, ...], ...]:
    """Of each character of each of the `words` of `hypothesis`, in [0, 1].

    >>> confidences(Hypothesis("hi o", (Token("h", 2, 3, 0.9), Token(" ", 6, 7, 1), Token("o", 9, 10, 0.2)), 0.0))
    ((0.9,), (0.2,))
    """
    return tuple(tuple(token.confidence for token in group) for group in _groups(hypothesis.tokens))


def _groups(tokens: tuple[Token, ...]) -> list[list[Token]]:
    groups: list[list[Token]] = [[]]
    for token in tokens:
        if token.symbol == SPACE:
            groups.append([])
        elif token.symbol[0] == SPACE:
            groups.append([token])
        else:
            groups[-1].append(token)
    return [group for group in groups if group]


def _word(tokens: list[Token], frame_seconds: float, offset: float) -> Word:
    mean_log = sum(math.log(max(token.confidence, _TINY)) for token in tokens) / len(tokens)
    return Word(
        text=joined(token.symbol for token in tokens),
        start=offset + tokens[0].start * frame_seconds,
        end=offset + tokens[-1].end * frame_seconds,
        confidence=min(1.0, max(0.0, math.exp(mean_log))),
    )


def as_array(log_probs: Any) -> NDArray[Any]:
    """What decoders are given, a tensor on any device or an array, as an array."""
    if hasattr(log_probs, "detach"):
        log_probs = log_probs.detach().float().cpu().numpy()
    return np.asarray(log_probs)
