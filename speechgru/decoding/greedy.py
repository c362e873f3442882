"""Greedy CTC: each frame's best symbol, repeats merged, blanks dropped (Graves et al. 2006, best path)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding.hypothesis import Hypothesis, Token, as_array
from speechgru.decoding.settings import GreedySettings
from speechgru.errors import ConfigError
from speechgru.text import Vocabulary
from speechgru.text.subwords import joined

Settings = GreedySettings
BLANK = 0


class Decoder:
    """Decoder(settings, vocabulary)(log_probs [frames, symbols]) -> Hypothesis."""

    phones: tuple[str, ...] = ()

    def __init__(self, settings: Settings, vocabulary: Vocabulary) -> None:
        self.settings = settings
        self.symbols = tuple(vocabulary.symbols)

    def __call__(self, log_probs: Any) -> Hypothesis:
        """Decode one utterance.

        Args:
            log_probs: tensor or array [frames, symbols], natural logs, blank first. No frames: empty text.

        Returns:
            Tokens over the frames of their own run, spaces included; `text` has single spaces and none at its
            ends; `score` is the log-probability of the best path.

        Raises:
            ConfigError: another shape than [frames, len(vocabulary)].
        """
        matrix = as_array(log_probs)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.symbols):
            raise ConfigError(
                f"Got log-probabilities of shape {matrix.shape}; expected [frames, {len(self.symbols)}], one "
                "column for each symbol of the vocabulary. Decode with the vocabulary of the same checkpoint."
            )
        tokens, score = self._best_path(matrix)
        return Hypothesis(" ".join(joined(token.symbol for token in tokens).split()), tokens, score)

    def _best_path(self, matrix: NDArray[Any]) -> tuple[tuple[Token, ...], float]:
        if not len(matrix):
            return (), 0.0
        best = matrix.argmax(axis=1)
        values = np.take_along_axis(matrix, best[:, None], axis=1)[:, 0]
        # A run starts wherever the best symbol changes; the next run's start is this one's end.
        starts = np.flatnonzero(np.diff(best, prepend=-1))
        ends = np.append(starts[1:], len(best))
        peaks = np.exp(np.maximum.reduceat(values, starts)).clip(0.0, 1.0)
        is_symbol = best[starts] != BLANK
        columns = (best[starts], starts, ends, peaks)
        rows = zip(*(column[is_symbol].tolist() for column in columns), strict=True)
        tokens = tuple(Token(self.symbols[symbol], start, end, peak) for symbol, start, end, peak in rows)
        return tokens, float(values.sum())
