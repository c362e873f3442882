"""A hybrid model's file, and recognition with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from speechgru.errors import CheckpointError
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.lm import NGram
from speechgru.lm import estimate as lm_build
from speechgru.lm.corpus import Reader as TextReader
from speechgru.lm.corpus import Scratch
from speechgru.lm.ngram import from_table
from speechgru.mmi import (
    adaptation,
    cepstra,
    fmllr,
    lexicon,
    mixtures,
    model_file,
    network,
    recognizer,
    search,
    tying,
)
from speechgru.utils.assets import find_model


def hybrid(fitted: bool) -> model_file.Hybrid:
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


@pytest.fixture(scope="module")
def lm() -> NGram:
    with Scratch() as scratch:
        reader = TextReader(scratch)
        reader.add(["the cat sat on the mat", "a cat", "the mat"])
        return from_table(
            lm_build.make(reader.corpus(), lm_build.Settings(order=2, discount_fallback=True), scratch)
        )


@pytest.mark.slow
@pytest.mark.timeout(300)  # the search is compiled first
@pytest.mark.parametrize("fitted", [False, True])
def test_a_file_reads_as_the_model_does(tmp_path: Path, lm: NGram, fitted: bool) -> None:
    model = hybrid(fitted)
    model_file.save(tmp_path / "hybrid.safetensors", model, {"seed": 0})
    again = model_file.load(tmp_path / "hybrid.safetensors")
    assert again.habits == model.habits and again.weights == model.weights
    samples = (0.1 * np.random.default_rng(1).normal(size=24000)).astype(np.float32)
    first, second = (recognizer.HybridRecognizer(m, lm)(samples) for m in (model, again))
    assert first == second
    assert first.text == " ".join(first.words) and len(first.ends) == len(first.words)
    assert set(first.words) <= set(lm.words)
    assert bool(first.first) == (fitted and bool(first.words))


def test_other_models_are_refused() -> None:
    with pytest.raises(CheckpointError, match="kind"):
        model_file.load(find_model("english-small"))
