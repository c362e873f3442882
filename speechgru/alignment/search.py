"""Which words of a text a recording holds, and where: alignment, then evidence, word by word.

The best path (`speechgru.alignment.ctc`) goes through nearly every word, also through one in whose place another is
spoken; then it squeezes that into the other's sound, and its neighbours beside it. So each word is asked for its
evidence. The worst of those that lack it are left out, and the words around them aligned once more, with any sound free
in the gap: a word that doesn't fit then moves nobody. Where the path skipped a word or a few, they are tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from speechgru.alignment import evidence
from speechgru.alignment.ctc import Run, align_readings
from speechgru.alignment.evidence import ANY, PAUSE, Context, Head, Spot, Words
from speechgru.alignment.hybrid import ANYTHING, Judge, Place, Said
from speechgru.alignment.lattice import Prices
from speechgru.alignment.spelling import Item
from speechgru.decoding.trellis import Floats

PRICES = Prices(skip_character=6.0)
_FORCED = Prices(skip=np.inf, skip_word=np.inf, skip_character=np.inf)
_ROUNDS = 6
LONELY = 2.0  # log odds that a word must have besides, for each neighbour that isn't in the recording
# By the median of a recording's scores, what is added to all of them. Where it is lower still, it is rather the text
# that doesn't fit. The numbers are of dev speech as it is, in telephone band, and of its words joined in random order.
ALLOWANCE = ((0.5, 3.5, 4.5, 6.8), (0.0, 3.6, 3.6, 0.0))
HYBRID_ALLOWANCE = ((0.0, 1.5, 6.3), (0.0, 4.0, 0.0))  # with a hybrid model's evidence
_FEW = 1  # words, of which a median says little
_AROUND = 2  # words on either side of one that is left out
_RETRIED = 3  # skipped words in a row, at most


class Search:
    """The runs of all `items` in one recording.

    Args:
        log_probs: natural logs of the characters' probabilities [frames, symbols], blank first.
        heads: the evidence; one for each of the heads of an item.
        space: the character between words, if there is one.
        judge: the recording as a hybrid model has it, beside two heads; None without one.
        step: seconds of a frame.
    """

    def __init__(
        self,
        log_probs: Floats,
        heads: Sequence[Head],
        items: Sequence[Item],
        space: int | None,
        judge: Judge | None = None,
        step: float = 0.0,
    ) -> None:
        self._judge, self._step = judge, step
        self._log_probs, self._heads, self._items, self._space = log_probs, heads, items, space
        self.runs: list[Run | None] = [None] * len(items)
        self.scores = np.zeros(len(items))
        self._is_out = np.zeros(len(items), np.bool_)
        self._allowance = 0.0

    def run(self) -> list[Run | None]:
        """Where each item is; None: it isn't in the recording.

        Raises:
            ValueError: no path exists.
        """
        self.runs = align_readings(
            self._log_probs, [item.characters for item in self._items], self._space, PRICES
        )
        if self._judge is not None and not self._judge.is_fitted:
            self._judge.fit([said for i in range(len(self.runs)) if (said := self.said(i))])
        self._score(0, len(self.runs))
        self._allow()
        self._retry()
        for _ in range(_ROUNDS):
            failing = list(self._worst())
            if not failing:
                return self.runs
            self.leave_out(failing)
        for i in np.flatnonzero(self._is_failing()).tolist():
            self.runs[i] = None
        return self.runs

    def _allow(self) -> None:
        """Ask for less evidence where speech is far from what the network knows: there all words have less of it."""
        scores = self.scores[[run is not None for run in self.runs]]
        if not len(scores) or len(self._heads) == 1:  # the numbers are of both heads together
            return
        level, sure = float(np.median(scores)), len(scores) / (len(scores) + _FEW)
        table = ALLOWANCE if self._judge is None else HYBRID_ALLOWANCE
        self._allowance = sure * float(np.interp(level, *table))
        self.scores += self._allowance

    def _is_failing(self) -> np.ndarray:
        return np.array([run is not None for run in self.runs]) & (self.scores < 0)

    def leave_out(self, numbers: Sequence[int]) -> None:
        """Leave these items out, and align those around them once more."""
        for i in numbers:
            self.runs[i], self._is_out[i] = None, True
        for low, high in _merged(numbers, len(self.runs)):
            self._realign(low, high)
            self._score(low, high)

    def _worst(self) -> Iterator[int]:
        """Of each row of words without evidence the one that has the least."""
        scores = np.where(self._is_failing(), self.scores, np.inf)
        active = [i for i, run in enumerate(self.runs) if run is not None]
        for before, i, after in zip([None, *active], active, [*active[1:], None]):
            lower = all(scores[i] <= scores[j] for j in (before, after) if j is not None)
            if scores[i] < 0 and lower:
                yield i

    def _realign(self, low: int, high: int) -> None:
        """Align the items [low, high) once more, between their neighbours."""
        inside = [i for i in range(low, high) if not self._is_out[i]]
        if not inside:
            return
        begin, end = self._end_before(low), self._start_behind(high)
        free = [
            any(self._is_out[a + 1 : b]) for a, b in zip([low - 1, *inside], [*inside, high], strict=True)
        ]
        texts = [self._items[i].characters for i in inside]
        found = align_readings(self._log_probs[begin:end], texts, self._space, PRICES, free)
        for i, run in zip(inside, found, strict=True):
            self.runs[i] = _shifted(run, begin)

    def _retry(self) -> None:
        """Try skipped items once more, where they are few in a row."""
        skipped = [i for i, run in enumerate(self.runs) if run is None]
        for low, high in _rows(skipped):
            begin, end = self._end_before(low), self._start_behind(high)
            if high - low > _RETRIED or begin >= end:
                continue
            texts = [self._items[i].characters for i in range(low, high)]
            try:
                free = [True] * (high - low + 1)
                found = align_readings(self._log_probs[begin:end], texts, self._space, _FORCED, free)
            except ValueError:  # too few frames
                continue
            self.runs[low:high] = [_shifted(run, begin) for run in found]
            self._score(low, high)
            if (self.scores[low:high] < 0).any():
                self.runs[low:high] = [None] * (high - low)

    def _end_before(self, i: int) -> int:
        return next((int(run.ends[-1]) for j in range(i - 1, -1, -1) if (run := self.runs[j])), 0)

    def _start_behind(self, i: int) -> int:
        behind = range(i, len(self.runs))
        return next((int(run.starts[0]) for j in behind if (run := self.runs[j])), len(self._log_probs))

    def _score(self, low: int, high: int) -> None:
        for i in range(low, high):
            if self.runs[i] is not None:
                context = self.context(i)
                score = evidence.score(self._heads, context, self.ratios(i, context))
                self.scores[i] = score - LONELY * self._lonely(i)
                self.scores[i] += self._allowance

    def said(self, i: int) -> Said | None:
        """The words of an item that has a run, in seconds."""
        run = self.runs[i]
        if run is None:
            return None
        # Frame t is centred at t * step, so it begins half a frame before.
        start, end = (self._step * (float(frame) - 0.5) for frame in (run.starts[0], run.ends[-1]))
        return Said(self._items[i].spoken[run.reading], start, end)

    def ratios(self, i: int, context: Context) -> Sequence[float]:
        """The hybrid model's evidence for an item; none without such a model."""
        run = self.runs[i]
        if self._judge is None or run is None:
            return ()

        def beside(j: int, near: object) -> str | None:
            other = self.runs[j] if near is not None else None
            return self._items[j].spoken[other.reading] if other else None if near is None else ANYTHING

        place, alone = ((self._step * low, self._step * high) for low, high in (context.place, context.alone))
        words = self._items[i].spoken[run.reading]
        before, after = beside(i - 1, context.before), beside(i + 1, context.after)
        return self._judge.ratios(Place(before, words, after, place, alone))

    def _lonely(self, i: int) -> int:
        """How many of the items beside this one aren't in the recording."""
        beside = [j for j in (i - 1, i + 1) if 0 <= j < len(self.runs)]
        return sum(self.runs[j] is None for j in beside)

    def context(self, i: int) -> Context:
        """What `evidence` asks for of an item that has a run."""
        run = self.runs[i]
        assert run is not None
        spot = int(run.starts[0]), int(run.ends[-1])
        low = max(self._end_before(i), spot[0] - PAUSE)
        high = min(self._start_behind(i + 1), spot[1] + PAUSE)
        before = self._neighbour(i - 1, spot, low) if i else None
        after = self._neighbour(i + 1, spot, high) if i + 1 < len(self.runs) else None
        return Context(before, self._items[i].variants[run.reading], spot, after)

    def _neighbour(self, i: int, spot: Spot, edge: int) -> tuple[Sequence[Words], Spot] | None:
        """The item's labels and frames; anything, up to `edge`, where it isn't in the recording; None where it is far
        from `spot`: of speech in between, which the text lacks, only what is near counts."""
        run = self.runs[i]
        if run is None:
            return [ANY] * len(self._heads), (edge, edge)
        start, end = int(run.starts[0]), int(run.ends[-1])
        if start - spot[1] > PAUSE or spot[0] - end > PAUSE:
            return None
        return self._items[i].labels[run.reading], (start, end)


def _shifted(run: Run | None, frames: int) -> Run | None:
    return run and replace(run, starts=run.starts + frames, ends=run.ends + frames)


def _rows(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Rows [low, high) of numbers that follow each other."""
    rows: list[tuple[int, int]] = []
    for i in numbers:
        if rows and rows[-1][1] == i:
            rows[-1] = rows[-1][0], i + 1
        else:
            rows.append((i, i + 1))
    return rows


def _merged(numbers: Sequence[int], count: int) -> list[tuple[int, int]]:
    """What is to be aligned once more around these items, in ranges [low, high) that don't touch."""
    around = {j for i in numbers for j in range(max(i - _AROUND, 0), min(i + _AROUND + 1, count))}
    return _rows(sorted(around))
