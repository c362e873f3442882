"""Hybrid models that were not trained."""

from __future__ import annotations

import numpy as np
import torch

from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.mmi import adaptation, cepstra, fmllr, lexicon, mixtures, model_file, network, search, tying


def untrained(fitted: bool) -> model_file.Hybrid:
    """An untrained model."""
    torch.manual_seed(0)
    words = lexicon.packaged()
    phones, size = len(words.phones), 6
    ties = tying.untied(phones)
    settings = network.Settings(layers=1, width=8, channels=4, fitted=size if fitted else 0)
    draw = np.random.default_rng(0)
    mix = mixtures.Mixtures(
        np.full((3 * phones, 2), 0.5, np.float32),
        draw.normal(size=(3 * phones, 2, size)).astype(np.float32),
        np.ones((3 * phones, 2, size), np.float32),
    )
    rows = 0.1 * draw.normal(size=(size, 9 * cepstra.CEPSTRA)).astype(np.float32)
    raw = draw.normal(size=(500, size)).astype(np.float32)
    prior = mixtures.speaker_statistics(mix, raw, draw.integers(3 * phones, size=500))
    adapter = adaptation.Adapter(
        cepstra.Projection(rows, np.zeros(size, np.float32)),
        mix,
        fmllr.Statistics(1.0, prior.first / 500, prior.second / 500),
        np.eye(size, size + 1),
        words,
    )
    return model_file.Hybrid(
        network.Network(settings, 80, ties.outputs).eval(),
        ties,
        FeatureSettings(normalise="none"),
        adapter if fitted else None,
        {("the", (10, 3)): -0.5},
        search.Weights(width=200, beam=8.0, lm=0.9),
    )
