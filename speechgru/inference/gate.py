"""The speech gate: what a stretch of sound and the words recognised in it must reach to count as speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speechgru.audio.energy import MIN_LEVEL_DB, MIN_RANGE_DB, RANGE_SECONDS, Signal, may_hold_speech
from speechgru.transcript import Word

SHORTEST_SPAN_SECONDS = 0.3  # one short word; less would make a high rate of a single character


@dataclass(frozen=True)
class Gate:
    """What a stretch of audio and the words recognised in it must reach; anything less is silence or noise.

    min_level_db, min_range_db, range_seconds: of the sound, see `energy.may_hold_speech`.
    min_confidence: of the words of one stretch, see `evidence`; for noise that isn't steady.
    rate_weight: what a character a second adds to the evidence. Words recognised in noise are unsure, and
        sparse as well. How much of either depends on the network: `speechgru model calibrate` learns both numbers.
    """

    min_level_db: float = MIN_LEVEL_DB
    min_range_db: float = MIN_RANGE_DB
    range_seconds: float = RANGE_SECONDS
    min_confidence: float = 0.35
    rate_weight: float = 0.0

    def may_hold_speech(self, signal: Signal, rate: int) -> bool:
        """Whether `signal` [time] at `rate` Hz is neither too quiet nor too steady to be speech."""
        return may_hold_speech(signal, rate, self.min_level_db, self.min_range_db, self.range_seconds)

    def accepts(self, words: Sequence[Word]) -> bool:
        """Whether the words of one stretch are likely to be speech."""
        return bool(words) and evidence(words, self.rate_weight) >= self.min_confidence


def evidence(words: Sequence[Word], rate_weight: float) -> float:
    """Mean confidence of at least one word, plus `rate_weight` for each character a second from first to last."""
    seconds = max(words[-1].end - words[0].start, SHORTEST_SPAN_SECONDS)
    characters = sum(len(word.text) for word in words)
    return sum(word.confidence for word in words) / len(words) + rate_weight * characters / seconds
