"""Words from a recording in two passes: as of an unknown speaker, then with features fitted by what was recognized."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.decoding import prefix_search
from speechgru.lm import ngram
from speechgru.lm.table import SPECIAL
from speechgru.mmi import lexicon, search, tree
from speechgru.mmi.adaptation import Transform
from speechgru.mmi.inputs import Inputs
from speechgru.mmi.model_file import Hybrid
from speechgru.mmi.network import STRIDE
from speechgru.mmi.search import Weights
from speechgru.utils import assets

Frames = NDArray[np.float32]


class Recognition(NamedTuple):
    """What was recognized: words and, in seconds, where each ends; its score; the text of the first pass."""

    words: tuple[str, ...]
    ends: tuple[float, ...]
    score: float
    first: str

    @property
    def text(self) -> str:
        """The words, spaces between them."""
        return " ".join(self.words)


class HybridRecognizer:
    """HybridRecognizer(model)(samples) -> Recognition.

    Args:
        model: a hybrid one.
        lm: language model; by default the packaged one that the model names.
        passes: 1: speakers are all average; 2: features are fitted by the words of the first pass.
        phases: outputs are averaged over the recording as it is and moved by a frame of features to either side (3), or
            not (1): the network has an output for every third frame only.
    """

    def __init__(
        self,
        model: Hybrid,
        lm: ngram.NGram | None = None,
        passes: int = 2,
        phases: Literal[1, 3] = 3,
    ) -> None:
        self.model, self.passes, self.phases = model, passes if model.adapter else 1, phases
        self.lm = lm or ngram.load(assets.ASSETS / f"{model.lm}.slm")
        self.inputs = Inputs(model.features, model.adapter, bands=bool(model.network.bands))
        words = model.adapter.lexicon if model.adapter else lexicon.packaged(model.dictionary)
        ways = tree.pronunciations(self.lm.words, len(SPECIAL), words, model.habits)
        likely = prefix_search.unigrams(self.lm.arrays.frozen(), len(self.lm.words))
        self.tree = tree.build(ways, likely, model.tying)

    def __call__(self, samples: NDArray[np.float32], weights: Weights | None = None) -> Recognition:
        """Recognize a recording, [time] at the model's sample rate, not empty."""
        return self.recognize(self.inputs.raw(torch.from_numpy(samples)), weights)

    def recognize(self, log_mel: Frames, weights: Weights | None = None) -> Recognition:
        """As the call, of raw log-mel [T, bands]."""
        result = self._pass(log_mel, None, weights, "")
        for _ in range(1, self.passes):
            assert self.model.adapter
            transform = self.model.adapter.fit(log_mel, result.text)
            result = self._pass(log_mel, transform, weights, result.text)
        return result

    def outputs(self, log_mel: Frames, transform: Transform | None = None) -> Frames:
        """Pseudo log-likelihoods [T', outputs]."""
        features = self.inputs(log_mel, transform)
        rows = [features]
        if self.phases == 3:
            rows += [torch.cat([features[:1], features[:-1]]), torch.cat([features[1:], features[-1:]])]
        with torch.inference_mode():
            likely, _, _ = self.model.network(torch.stack(rows), torch.full((len(rows),), len(features)))
        outputs: Frames = likely.float().mean(dim=0).numpy()
        return outputs

    def _pass(
        self, log_mel: Frames, transform: Transform | None, weights: Weights | None, first: str
    ) -> Recognition:
        outputs = self.outputs(log_mel, transform)
        score, words, ends = search.search(
            outputs, self.tree, self.lm.arrays.frozen(), self.lm.start, weights or self.model.weights
        )
        step = STRIDE * self.model.features.hop
        return Recognition(
            tuple(self.lm.words[word] for word in words),
            tuple(step * end for end in ends.tolist()),
            score,
            first,
        )
