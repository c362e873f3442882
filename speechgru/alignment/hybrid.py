"""A hybrid model's evidence for words, beside that of the CTC model that finds them (docs/hybrid.md).

The CTC model puts every word of a text somewhere. Each piece of the recording is then fitted to its speaker by those of
its words, and the hybrid network run over it. What counts for a word is the logarithm of a likelihood ratio between it
and any phones at all (Rose and Paul 1990): in its place, between the words beside it, and alone, with anything around.
Times are those of the Gaussian mixtures that fitted the piece, whose frames are of 10 ms (speechgru.mmi.edges).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.energy import Signal
from speechgru.inference.emissions import Piece
from speechgru.mmi import cepstra, edges, fmllr, graph, mixtures, outputs, phone_bigram
from speechgru.mmi.adaptation import Transform
from speechgru.mmi.chain import Chain, Table
from speechgru.mmi.inputs import Inputs
from speechgru.mmi.lexicon import SILENCE, Phones
from speechgru.mmi.model_file import Hybrid
from speechgru.mmi.network import STRIDE

ANYTHING = ""  # in place of a word's text: any phones
UNLIKELY = 80  # eighths of a nat, of all outputs but silence's where no speech is
LEAST = -60.0  # of a ratio: what can't be in its place at all
_EIGHTHS = 8.0  # outputs are kept in eighths below the best one: an hour has 110 MB
_AROUND = 1  # frames of outputs that are looked at beside a place
_ROW = 10  # words whose edges are looked for at once
_APART = 1.0  # seconds between words that don't help each other to their place
_MARGIN = 0.3  # seconds around them
EDGE = 0.016  # seconds from the start of a frame to the edge it stands for: dev speech's joined words


@dataclass(frozen=True)
class Said:
    """The words of an item where they are first found, from `start` to `end` in seconds."""

    words: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        """In seconds."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Place:
    """A word for `ratios`: spoken forms of it and of its neighbours (ANYTHING where that isn't in the recording, None
    where none is near), and stretches in seconds: from neighbour to neighbour, and of the word alone."""

    before: str | None
    words: str
    after: str | None
    place: tuple[float, float]
    alone: tuple[float, float]


@dataclass
class Verifier:
    """A hybrid model for any number of recordings."""

    model: Hybrid
    inputs: Inputs = field(init=False)
    chain: Chain = field(init=False)

    def __post_init__(self) -> None:
        model = self.model
        self.inputs = Inputs(model.features, model.adapter, bands=bool(model.network.bands))
        phones = len(model.tying.enter)
        self.chain = Chain(model.tying, phone_bigram.estimate(model.spoken, phones))

    def log_mel(self, samples: Signal) -> NDArray[np.float32]:
        """Raw features [T, bands] of a signal [time]."""
        import torch

        return self.inputs.raw(torch.from_numpy(np.ascontiguousarray(samples, np.float32)))


class Judge:
    """One recording, as a hybrid model has it.

    Args:
        verifier: the model; it must have an adapter.
        pieces: the recording's pieces.
        duration: in seconds.
        on_progress: called with the fraction of the pieces that are fitted.
    """

    def __init__(
        self,
        verifier: Verifier,
        pieces: Sequence[Piece],
        duration: float,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        self._on_progress = on_progress
        assert verifier.model.adapter is not None
        self._verifier, self._pieces, self._adapter = verifier, pieces, verifier.model.adapter
        self._step = STRIDE * verifier.model.features.hop
        tying = verifier.model.tying
        frames = int(np.ceil(duration / self._step)) + 2
        self._below = np.full((frames, tying.outputs), UNLIKELY, np.uint8)
        self._below[:, [tying.enter[SILENCE, SILENCE], tying.stay[SILENCE, SILENCE]]] = 0
        self._fits: list[Transform] = []

    @property
    def is_fitted(self) -> bool:
        """Whether `fit` was called."""
        return len(self._fits) == len(self._pieces)

    def fit(self, said: Sequence[Said]) -> None:
        """Fit each piece by the words in it, and run the network over it. Words are in order."""
        self._fits = []
        for piece, words in zip(self._pieces, self._shared(said), strict=True):
            log_mel = piece.log_mel.astype(np.float32)
            fit = self._adapter.fit(log_mel, " ".join(word.words for word in words))
            self._fits.append(fit)
            model = self._verifier.model
            (rows,) = outputs.outputs(model.network, self._verifier.inputs, [log_mel], [fit])
            begin = round(piece.begin / self._step)
            seam = max(round(piece.seam / self._step), begin)
            rows = rows[seam - begin : len(self._below) - begin]
            below = _EIGHTHS * (rows.max(axis=1, keepdims=True) - rows)
            self._below[seam : seam + len(rows)] = np.minimum(np.rint(below), 255)
            if self._on_progress is not None:
                self._on_progress(len(self._fits) / len(self._pieces))

    def _shared(self, said: Sequence[Said]) -> list[list[Said]]:
        """The words of each piece, by their middles."""
        seams = np.array([piece.seam for piece in self._pieces])
        shares: list[list[Said]] = [[] for _ in self._pieces]
        for word in said if len(seams) else ():
            shares[max(int(np.searchsorted(seams, word.middle, "right")) - 1, 0)].append(word)
        return shares

    def ratios(self, place: Place) -> tuple[float, float, float, float]:
        """Natural logs of likelihood ratios: of the word in its place, of each of its phones on average; of the word
        alone, of each of its phones. Zeros where nobody knows how it is said."""
        chain, ways = self._verifier.chain, [self._ways(word) for word in place.words.split()]
        if not all(ways):
            return 0.0, 0.0, 0.0, 0.0
        count = sum(len(way[0]) for way in ways)
        rows = self._rows(place.place)
        before = self._through(rows, place.before, chain.begin(len(rows)))
        spoken = chain.pause(rows, self._words(rows, ways, before))
        other = chain.anything(rows, before)
        after = [chain.pause(rows, self._through(rows, place.after, way)) for way in (spoken, other)]
        in_place = _ratio(*map(chain.score, after))
        rows = self._rows(place.alone)
        before = chain.anything(rows, chain.begin(len(rows)))
        spoken = chain.anything(rows, self._words(rows, ways, before))
        alone = _ratio(chain.score(spoken), chain.score(before))
        return in_place, in_place / count, alone, alone / count

    def _ways(self, word: str) -> Sequence[Phones]:
        return self._adapter.lexicon.pronounce(word)

    def _rows(self, span: tuple[float, float]) -> NDArray[np.float32]:
        first = max(int(span[0] / self._step) - _AROUND, 0)
        last = int(np.ceil(span[1] / self._step)) + _AROUND
        rows: NDArray[np.float32] = self._below[first:last].astype(np.float32) / np.float32(-_EIGHTHS)
        return rows

    def _words(self, rows: NDArray[np.float32], ways: Sequence[Sequence[Phones]], came: Table) -> Table:
        for each in ways:
            came = self._verifier.chain.word(rows, each, self._verifier.chain.pause(rows, came))
        return came

    def _through(self, rows: NDArray[np.float32], words: str | None, came: Table) -> Table:
        """Behind a neighbour, if there is one."""
        if words is None:
            return came
        ways = [self._ways(word) for word in words.split()]
        if not ways or not all(ways):
            return self._verifier.chain.anything(rows, came)
        return self._words(rows, ways, came)

    def edges(self, said: Sequence[Said]) -> list[tuple[float, float] | None]:
        """Start and end of each item in seconds; None where that isn't found. Items are in order."""
        if not self._pieces:
            return [None] * len(said)
        found: list[tuple[float, float] | None] = []
        for piece, fit, words in zip(self._pieces, self._fits, self._shared(said), strict=True):
            raw = cepstra.project(piece.log_mel.astype(np.float32), self._adapter.projection)
            scores = mixtures.scores(self._adapter.mixtures, fmllr.apply(raw, fit)) if words else raw
            for row in _rows(words):
                found += self._edges_of(words, row, scores, piece.begin)
        return found

    def _edges_of(
        self, words: Sequence[Said], row: range, scores: NDArray[np.float32], begin: float
    ) -> list[tuple[float, float] | None]:
        """Of the words in `row`, with the one before and the one behind where these are near."""
        hop = self._verifier.model.features.hop
        first, last = row.start, row.stop
        low, high = words[first].start - _MARGIN, words[last - 1].end + _MARGIN
        if first and words[first].start - words[first - 1].end < _APART:
            first -= 1
            low = words[first].start
        if last < len(words) and words[last].start - words[last - 1].end < _APART:
            last += 1
            high = words[last - 1].end
        start = max(round((low - begin) / hop), 0)
        text = graph.build(" ".join(word.words for word in words[first:last]), self._adapter.lexicon)
        spans = edges.edges(scores[start : max(round((high - begin) / hop), 0)], text) if text else None
        if spans is None:
            return [None] * len(row)
        seconds = begin + EDGE + hop * (start + spans)
        found: list[tuple[float, float] | None] = []
        at = sum(len(word.words.split()) for word in words[first : row.start])
        for word in words[row.start : row.stop]:
            count = len(word.words.split())
            found.append((float(seconds[at, 0]), float(seconds[at + count - 1, 1])))
            at += count
        return found


def _ratio(spoken: float, other: float) -> float:
    """Of two scores; 0 where not even the words beside fit into the frames, which says nothing."""
    return max(spoken - other, LEAST) if other > -np.inf else 0.0


def _rows(words: Sequence[Said]) -> list[range]:
    """Words near each other, a few at a time."""
    cuts = [0]
    for number, (word, following) in enumerate(pairwise(words), 1):
        if following.start - word.end >= _APART or number - cuts[-1] >= _ROW:
            cuts.append(number)
    return [range(low, high) for low, high in pairwise([*cuts, len(words)]) if low < high]
