"""Words from recordings in two passes: as of unknown speakers, then with features fitted by what was recognized.

The first pass only has to be good enough to fit features by: it searches less, and looks at each recording once; the
second averages the outputs over the recording as it is and moved by a frame of features to either side, as the network
has an output for every third frame only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.decoding import prefix_search
from speechgru.lm import ngram
from speechgru.lm.table import SPECIAL
from speechgru.mmi import lattice, lexicon, outputs, search, spoken_words, tree
from speechgru.mmi.adaptation import Transform
from speechgru.mmi.inputs import Inputs
from speechgru.mmi.lattice import Lattice
from speechgru.mmi.lexicon import Phones
from speechgru.mmi.model_file import Hybrid
from speechgru.mmi.network import STRIDE
from speechgru.mmi.search import Weights
from speechgru.utils import assets

Frames = NDArray[np.float32]
FIRST_WIDTH, FIRST_BEAM = 1000, 10.0
UNKNOWN = 0  # the language model's id of words that it doesn't know


class Recognition(NamedTuple):
    """What was recognized: words, in seconds where each begins and ends, and how probable it is; the text's score; the
    text of the first pass; what is near the best text."""

    words: tuple[str, ...]
    begins: tuple[float, ...]
    ends: tuple[float, ...]
    confidences: tuple[float, ...]
    score: float
    first: str
    lattice: Lattice

    @property
    def text(self) -> str:
        """The words, spaces between them."""
        return " ".join(self.words)


class TwoPass:
    """TwoPass(model)(recordings) -> a Recognition of each.

    Args:
        model: a hybrid one.
        lm: language model; by default the packaged one that the model names.
        weights: of the search; by default the model's.
        hotwords: words that gain something, by how much (natural log), whether the language model knows them or not,
            beside those that the model itself favours.
        passes: 1: speakers are all average; 2: features are fitted by the words of the first pass.
        shifts: outputs are averaged over as many (1 or 3) shifts of the recording.
    """

    def __init__(
        self,
        model: Hybrid,
        lm: ngram.NGram | None = None,
        weights: Weights | None = None,
        hotwords: Mapping[str, float] | None = None,
        passes: int = 2,
        shifts: int = 3,
    ) -> None:
        self.model, self.passes, self.shifts = model, passes if model.adapter else 1, shifts
        self.weights = weights or model.weights
        self.lm = lm or ngram.load(assets.ASSETS / f"{model.lm}.slm")
        self.inputs = Inputs(model.features, model.adapter, bands=bool(model.network.bands))
        hotwords = {**model.favoured, **(hotwords or {})}
        self.words = [*self.lm.words, *sorted(hotwords.keys() - set(self.lm.words))]
        self.tree = self._tree(hotwords)

    def _tree(self, hotwords: Mapping[str, float]) -> tree.Tree:
        model, known = self.model, len(self.lm.words)
        ways = self._ways()
        gains = {place: hotwords[word] for place, word in enumerate(self.words) if word in hotwords}
        likely = np.full(len(self.words), -np.inf)
        likely[:known] = prefix_search.unigrams(self.lm.arrays.frozen(), known)
        likely[known:] = likely[UNKNOWN]
        for place, gain in gains.items():
            likely[place] += gain / max(self.weights.lm, 0.1)
        ids = np.where(np.arange(len(self.words)) < known, np.arange(len(self.words)), UNKNOWN)
        return tree.build(ways, likely, model.tying, ids, gains)

    def _ways(self) -> list[tree.Spoken]:
        """All ways to say all words."""
        model, known = self.model, len(self.lm.words)
        spoken = model.adapter.lexicon if model.adapter else lexicon.packaged(model.dictionary)
        if model.spoken is None or model.digest != spoken_words.digest(self.lm.words):
            return tree.pronunciations(self.words, len(SPECIAL), spoken, model.habits)
        kept = spoken_words.unpack(model.spoken)
        said: dict[str, list[Phones]] = {}
        for way, place in kept:
            said.setdefault(self.lm.words[place], []).append(way)
        spoken.words.update({word: tuple(ways) for word, ways in said.items()})
        usual = {(model_way, word): value for (word, model_way), value in model.habits.items()}
        ways = [(way, place, usual.get((way, self.lm.words[place]), 0.0)) for way, place in kept]
        return (
            sorted(ways + tree.pronunciations(self.words, known, spoken)) if len(self.words) > known else ways
        )

    def __call__(self, recordings: Sequence[NDArray[np.float32]]) -> list[Recognition]:
        """Recognize recordings, each [time] at the model's sample rate and not empty."""
        return self.recognize([self.inputs.raw(torch.from_numpy(samples)) for samples in recordings])

    def recognize(self, log_mels: Sequence[Frames]) -> list[Recognition]:
        """As the call, of raw log-mel [T, bands]."""
        return [self.read(outputs, self.weights, first) for outputs, first in self.last_outputs(log_mels)]

    def last_outputs(self, log_mels: Sequence[Frames]) -> list[tuple[Frames, str]]:
        """The outputs [T', outputs] that the last pass reads, and the text of the first one ("" where it is the last).

        Args:
            log_mels: raw, each [T, bands].
        """
        if self.passes == 1:
            return [(outputs, "") for outputs in self.outputs(log_mels)]
        assert self.model.adapter
        quick = self.weights._replace(
            width=min(self.weights.width, FIRST_WIDTH), beam=min(self.weights.beam, FIRST_BEAM)
        )
        texts = [self.read(outputs, quick).text for outputs in self.outputs(log_mels, shifts=1)]
        fits = [self.model.adapter.fit(log_mel, text) for log_mel, text in zip(log_mels, texts)]
        return list(zip(self.outputs(log_mels, fits), texts))

    def outputs(
        self,
        log_mels: Sequence[Frames],
        transforms: Sequence[Transform] | None = None,
        shifts: int | None = None,
    ) -> list[Frames]:
        """Pseudo log-likelihoods [T', outputs] of each recording."""
        shifts = self.shifts if shifts is None else shifts
        return outputs.outputs(self.model.network, self.inputs, log_mels, transforms, shifts)

    def read(self, outputs: Frames, weights: Weights, first: str = "") -> Recognition:
        """What outputs [T', outputs] say; `first` is the text of the pass before."""
        reached = search.search(outputs, self.tree, self.lm.arrays.frozen(), self.lm.start, weights)
        path = lattice.best(reached)
        step, arcs = STRIDE * self.model.features.hop, reached.arcs[path]
        return Recognition(
            tuple(self.words[word] for word in arcs["word"]),
            tuple((step * arcs["begin"]).tolist()),
            tuple((step * arcs["end"]).tolist()),
            tuple(lattice.confidences(reached, path).tolist()),
            reached.score,
            first,
            reached,
        )
