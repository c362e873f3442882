"""Features fitted to the speaker, from the recording and the text of a first pass.

The words are aligned with the recording by a small Gaussian mixture model that was trained on fitted features (SAT,
Anastasakos et al. 1996), and a transform is estimated that makes the recording most like it. What a short recording
has too little speech for is taken from other speakers: from how their transforms differ or, where that was not learnt,
from as many frames of the average speaker as two seconds have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi import cepstra, fmllr, graph, mixtures, speakers, three_states
from speechgru.mmi.lexicon import SILENCE, Lexicon
from speechgru.mmi.mixtures import Mixtures
from speechgru.mmi.speakers import Speakers

PRIOR_FRAMES = 200
FEWEST = 20  # frames of speech, below which nothing is fitted
SCALE = np.float32(0.5)  # of fitted features, for the network
Frames = NDArray[np.float32]
Transform = fmllr.Array


@dataclass(frozen=True)
class Adapter:
    """What features are fitted by.

    projection: from log-mel. mixtures: three a phone, of fitted features. prior: of a frame of the average speaker.
    common: the transform of speakers of whom nothing is known. lexicon: pronounces the words.
    speakers: how transforms differ.
    """

    projection: cepstra.Projection
    mixtures: Mixtures
    prior: fmllr.Statistics
    common: Transform
    lexicon: Lexicon
    speakers: Speakers | None = None

    def features(self, log_mel: Frames, transform: Transform | None = None) -> Frames:
        """What the network takes of raw log-mel [T, bands], [T, D], by default as of an unknown speaker."""
        raw = cepstra.project(log_mel, self.projection)
        return SCALE * fmllr.apply(raw, self.common if transform is None else transform)

    def of_voice(self, transform: Transform, share: float) -> Adapter:
        """For the recordings of one voice, whose transform is known.

        Args:
            share: of how far speakers' transforms differ, how far those of its recordings do.
        """
        mean = transform.astype(np.float32)
        known = self.speakers and Speakers(mean, (share * self.speakers.directions).astype(np.float32))
        return replace(self, common=transform.astype(np.float64), speakers=known)

    def fit(self, log_mel: Frames, text: str, rounds: int = 3) -> Transform:
        """The transform for a recording with these words; the common one where they can't be statistics in it.

        Args:
            rounds: of alignment, each followed by an estimation.
        """
        text_graph = graph.build(text, self.lexicon)
        if text_graph is None:
            return self.common
        expanded, raw = three_states.expand(text_graph), cepstra.project(log_mel, self.projection)
        transform = self.common
        for _ in range(rounds):
            path = three_states.align(self.mixtures, fmllr.apply(raw, transform), expanded)
            if path is None:
                break
            transform = self.estimate(raw, path.state, transform)
        return transform

    def estimate(self, raw: Frames, states: NDArray[np.int64], transform: Transform) -> Transform:
        """A transform of unfitted frames [T, D] whose states are known, by posteriors under another one; silence
        counts for nothing."""
        speech = states >= three_states.PARTS * (SILENCE + 1)
        if speech.sum() < FEWEST:
            return self.common
        statistics = mixtures.speaker_statistics(self.mixtures, raw[speech], states[speech], transform)
        return self.solve(statistics, transform)

    def solve(self, statistics: fmllr.Statistics, transform: Transform) -> Transform:
        """The transform of a recording with these statistics, searched from another one."""
        if self.speakers:
            return speakers.fit(self.speakers, statistics)
        return fmllr.solve(statistics + self.prior.scaled(PRIOR_FRAMES), transform)
