"""A hybrid model's file, and recognition with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hybrids import untrained

from speechgru.errors import CheckpointError
from speechgru.lm import NGram
from speechgru.lm import estimate as lm_build
from speechgru.lm.corpus import Reader as TextReader
from speechgru.lm.corpus import Scratch
from speechgru.lm.ngram import from_table
from speechgru.mmi import (
    model_file,
    recognizer,
)
from speechgru.utils.assets import find_model


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
    model = untrained(fitted)
    model_file.save(
        tmp_path / "hybrid.safetensors", model_file.with_pronunciations(model, lm.words), {"seed": 0}
    )
    again = model_file.load(tmp_path / "hybrid.safetensors")
    assert again.habits == model.habits and again.weights == model.weights
    assert again.spoken and (again.adapter is None or again.adapter.lexicon.words == {})
    samples = (0.1 * np.random.default_rng(1).normal(size=24000)).astype(np.float32)
    first, second = (recognizer.TwoPass(m, lm)([samples])[0] for m in (model, again))
    assert first[:-1] == second[:-1]
    assert first.text == " ".join(first.words) and len(first.ends) == len(first.words)
    assert all(begin < end for begin, end in zip(first.begins, first.ends))
    assert all(0 < sure <= 1 for sure in first.confidences)
    assert set(first.words) <= set(lm.words)
    assert bool(first.first) == (fitted and bool(first.words))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_neighbours_in_a_batch_change_nothing(lm: NGram) -> None:
    recognize = recognizer.TwoPass(untrained(True), lm, hotwords={"dog": 3.0})
    draw = np.random.default_rng(2)
    recordings = [(0.1 * draw.normal(size=size)).astype(np.float32) for size in (24000, 9000, 600, 31000)]
    together = recognize(recordings)
    for one, alone in zip(together, (recognize([samples])[0] for samples in recordings)):
        assert one.text == alone.text and one.first == alone.first
        np.testing.assert_allclose(one.confidences, alone.confidences, atol=1e-3)
    outputs = recognize.outputs([recognize.inputs.raw(torch.from_numpy(x)) for x in recordings])
    for x, batched in zip(recordings, outputs):
        (single,) = recognize.outputs([recognize.inputs.raw(torch.from_numpy(x))])
        np.testing.assert_allclose(batched, single, atol=1e-4)


def test_other_models_are_refused() -> None:
    with pytest.raises(CheckpointError, match="kind"):
        model_file.load(find_model("english-small"))
