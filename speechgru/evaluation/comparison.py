"""Is one model better than another? Both are scored on the same utterances, and only differences count.

- **Paired bootstrap** (Bisani and Ney 2004): speakers (or utterances, as in `scoring`) are drawn with replacement, the
  same for both models; the interval of the difference in WER is a percentile one. What makes an utterance hard for
  both cancels out, so it is far narrower than the two models' own intervals.
- **Matched pairs** (Gillick and Cox 1989): are the differences in errors per utterance, as independent draws, likely to
  have mean 0? z = mean / (standard deviation / sqrt(n)), two-sided by the normal distribution; for 50 utterances and
  more. Each utterance is a segment.

Two models are called different where the interval leaves 0 out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from speechgru.errors import SpeechGruError
from speechgru.evaluation.recognition import Evaluation, Row
from speechgru.utils.bootstrap import are_blocks, percentiles, resampled

MIN_PAIRS = 50  # the normal approximation of the matched-pairs test wants that many


@dataclass(frozen=True)
class Comparison:
    """WER of both, `difference` = second minus first (negative: the second is better), its 95 % interval, what was
    resampled, the share of resamples in which the second is better, and p of the matched-pairs test (None where there
    are too few utterances for it)."""

    first: float
    second: float
    difference: float
    interval: tuple[float, float]
    interval_over: str
    second_better: float
    p: float | None
    utterances: int
    words: int

    @property
    def verdict(self) -> str:
        """In words."""
        low, high = self.interval
        if math.isnan(low) or low <= 0 <= high:
            return "not distinguishable"
        return "the second is better" if high < 0 else "the first is better"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: an undefined number is None."""
        fields = asdict(self) | {"verdict": self.verdict}
        fields["interval"] = [None if math.isnan(bound) else bound for bound in self.interval]
        return fields


def compare(first: Evaluation, second: Evaluation, *, samples: int = 10000, seed: int = 0) -> Comparison:
    """Compare two models' scores of the same set.

    Args:
        samples, seed: of the bootstrap; the same input and seed give the same interval.

    Raises:
        SpeechGruError: the two have no utterance in common, or none with a word to recognise; their texts were
        normalised in different ways.
    """
    if first.score.normaliser != second.score.normaliser:
        raise SpeechGruError(
            f"The first model is scored by {first.score.normaliser} and the second by {second.score.normaliser}: they "
            "write different languages, so their errors can't be compared."
        )
    pairs = _pairs(first, second)
    table = np.array(
        [[a.alignment.words.errors, b.alignment.words.errors, a.alignment.words.total] for a, b in pairs],
        dtype=np.float64,
    )
    totals = table.sum(axis=0)
    if not totals[2]:
        raise SpeechGruError("The utterances that both models were scored on hold no words to compare by.")
    names = [a.utterance.speaker for a, _ in pairs]
    by_speaker = are_blocks(names)
    differences = paired_differences(table, names if by_speaker else None, samples, seed)
    return Comparison(
        first=float(totals[0] / totals[2]),
        second=float(totals[1] / totals[2]),
        difference=float((totals[1] - totals[0]) / totals[2]),
        interval=percentiles(differences),
        interval_over="speakers" if by_speaker else "utterances",
        second_better=float((differences < 0).mean()) if len(differences) else math.nan,
        p=matched_pairs(table[:, 1] - table[:, 0]),
        utterances=len(pairs),
        words=int(totals[2]),
    )


def paired_differences(
    table: np.ndarray, groups: Sequence[str] | None = None, samples: int = 10000, seed: int = 0
) -> np.ndarray:
    """Differences in WER, second minus first, of resamples of `table` [utterances, 3]: errors of the first and of the
    second, words. Groups as in `wer.resampled`; resamples without words are left out."""
    first, second, words = resampled(table, groups, samples, seed).T
    differences: np.ndarray = (second - first)[words > 0] / words[words > 0]
    return differences


def matched_pairs(differences: Sequence[float] | np.ndarray) -> float | None:
    """Two-sided p that differences [n] in errors have mean 0; None for fewer than MIN_PAIRS of them."""
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < MIN_PAIRS:
        return None
    deviation = values.std(ddof=1)
    if deviation == 0:
        return 1.0 if values.mean() == 0 else 0.0
    z = values.mean() / (deviation / math.sqrt(len(values)))
    return math.erfc(abs(z) / math.sqrt(2))


def _pairs(first: Evaluation, second: Evaluation) -> list[tuple[Row, Row]]:
    """The rows of utterances that both models were scored on."""
    others = {_key(row): row for row in second.rows}
    pairs = [(row, others[_key(row)]) for row in first.rows if _key(row) in others]
    if not pairs:
        raise SpeechGruError(
            "The two models were scored on no utterance in common; score both on one manifest."
        )
    return pairs


def _key(row: Row) -> tuple[str, float, str]:
    return str(row.utterance.audio_filepath), row.utterance.offset, row.id
