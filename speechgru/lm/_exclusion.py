"""Keeping the sentences that a model will be judged on out of the text it learns from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

_RUN = 4
SHORTEST_CONTAINED = 4
"""Words from which an excluded sentence may not occur within a longer one."""
SHORTEST_PART = 5
"""Words from which a sentence may not be a part of an excluded one."""
SHARED = 8
"""Words in a row that a sentence may not share with an excluded one."""

Words = tuple[str, ...]


class Exclusion:
    """Finds what repeats given sentences: as a whole, within a longer sentence, or cut out of one.

    Utterances are often arbitrary cuts of running text, so that equality alone would miss most.

    sentences: normalised, as those that are asked about.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = {sentence for sentence in sentences if sentence}
        self._by_run: dict[Words, set[str]] = defaultdict(set)
        self._shared: set[Words] = set()
        for sentence in self.sentences:
            words = sentence.split()
            for run in _runs(words, _RUN):
                self._by_run[run].add(f" {sentence} ")
            self._shared.update(_runs(words, SHARED))

    def reason(self, sentence: str) -> str | None:
        """Why `sentence` has to go: `the same`, `contains one`, `part of one`, `shares words`; None to keep it."""
        if sentence in self.sentences:
            return "the same"
        words = sentence.split()
        runs = set(_runs(words, _RUN)) & self._by_run.keys()
        if not runs:
            return None
        padded = f" {sentence} "
        near = set().union(*(self._by_run[run] for run in runs))
        if any(other in padded for other in near):
            return "contains one"
        if len(words) >= SHORTEST_PART and any(padded in other for other in near):
            return "part of one"
        return None if self._shared.isdisjoint(_runs(words, SHARED)) else "shares words"

    def kept(self, sentences: Iterable[str], dropped: Counter[str]) -> Iterator[str]:
        """Those of `sentences` that may stay; `dropped` counts the others by reason."""
        for sentence in sentences:
            reason = self.reason(sentence)
            if reason is None:
                yield sentence
            else:
                dropped[reason] += 1


def _runs(words: list[str], length: int) -> Iterable[Words]:
    return zip(*(words[i:] for i in range(length)))
