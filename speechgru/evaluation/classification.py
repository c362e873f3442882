"""How often a classifier is right: accuracy with its interval, and what it confuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.data import Utterance
from speechgru.errors import AudioError, SpeechGruError
from speechgru.evaluation.recognition import interval_text
from speechgru.inference import Classifier
from speechgru.utils.bootstrap import are_blocks, ratio_interval, resampled
from speechgru.utils.tables import columns, table

RESAMPLES = 1000


_SHOWN = 20  # classes: a larger table of confusions can't be read


@dataclass(frozen=True)
class Classification:
    """Predictions for a set. `confusions` [classes, classes]: recordings by true class, then predicted class.

    `interval` of the accuracy, 95 %, and what it was taken `over`.
    """

    names: tuple[str, ...]
    confusions: NDArray[np.int64]
    interval: tuple[float, float]
    over: str
    failed: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of the recordings that were classified rightly, in [0, 1]."""
        return float(self.confusions.trace() / self.confusions.sum())

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "interval_over": self.over,
            "recordings": int(self.confusions.sum()),
            "classes": list(self.names),
            "confusions": self.confusions.tolist(),
            "failed": list(self.failed),
        }

    def cells(self) -> dict[str, str]:
        """Its row in a report, by column."""
        return {
            "accuracy": f"{100 * self.accuracy:.2f} %",
            "95 % interval": interval_text(self.interval),
            "taken over": self.over,
            "recordings": str(self.confusions.sum()),
            "not scored": str(len(self.failed)),
        }

    def note(self) -> str:
        """How the row is to be read."""
        return "The interval is a percentile bootstrap; not scored: recordings that could not be read."

    def details(self) -> str:
        """The confusions as a table in Markdown: a row a true class, a column a predicted class."""
        if len(self.names) > _SHOWN:
            return ""
        rows = [[name, *row] for name, row in zip(self.names, self.confusions)]
        return table(["true / predicted", *self.names], rows)

    def describe(self) -> str:
        """A few lines for people."""
        return f"{columns(self.cells())}\n{self.details()}".rstrip()


def evaluate(classifier: Classifier, utterances: Sequence[Utterance], seed: int = 0) -> Classification:
    """Compare the predictions of `classifier` with the texts of `utterances`, each the name of a class.

    Raises:
        CorpusError: a text that is no class.
        SpeechGruError: not one recording could be read.
    """
    confusions = np.zeros((len(classifier.classes.names),) * 2, dtype=np.int64)
    right: list[tuple[str, bool]] = []
    failed: list[str] = []
    for utterance, answer in zip(utterances, classifier.answers(utterances), strict=True):
        if isinstance(answer, AudioError):
            failed.append(str(answer))
            continue
        if answer.truncated:
            failed.append(f"{utterance.audio_filepath}: {'; '.join(map(str, answer.warnings))}")
            continue
        true, predicted = (classifier.classes.encode(name)[0] for name in (utterance.text, answer.label))
        confusions[true, predicted] += 1
        right.append((utterance.speaker, true == predicted))
    if not right:
        raise SpeechGruError(f"None of {len(failed)} recordings could be read. The first: {failed[0]}")
    interval, over = _interval(right, seed)
    return Classification(classifier.classes.names, confusions, interval, over, tuple(failed))


def _interval(right: Sequence[tuple[str, bool]], seed: int) -> tuple[tuple[float, float], str]:
    """95 % percentile bootstrap interval of a share: speakers are drawn, or recordings where they are few."""
    speakers = [speaker for speaker, _ in right]
    by_speaker = are_blocks(speakers)
    table = np.array([[float(hit), 1.0] for _, hit in right])
    hits, totals = resampled(table, speakers if by_speaker else None, RESAMPLES, seed).T
    count = len(set(speakers)) if by_speaker else len(right)
    return ratio_interval(hits, totals), f"{count} {'speakers' if by_speaker else 'recordings'}"
