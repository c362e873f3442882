"""The gate between words and noise: its arithmetic, and that a model's file carries its own."""

from __future__ import annotations

import pytest
import torch

from speechgru.errors import CheckpointError
from speechgru.features.frontend import Settings as Features
from speechgru.inference import load_recognizer
from speechgru.inference.gate import SHORTEST_SPAN_SECONDS, Gate, evidence
from speechgru.models import acoustic, checkpoint
from speechgru.transcript import Word

SPOKEN = (Word("good", 1.0, 1.3, 0.8), Word("day", 1.4, 2.0, 0.6))


def test_evidence_is_confidence_and_rate() -> None:
    assert evidence(SPOKEN, 0.0) == pytest.approx(0.7)
    assert evidence(SPOKEN, 0.01) == pytest.approx(0.7 + 0.01 * 7 / 1.0)


def test_a_single_letter_is_no_high_rate() -> None:
    blip = (Word("a", 0.0, 0.01, 0.5),)
    assert evidence(blip, 0.1) == pytest.approx(0.5 + 0.1 / SHORTEST_SPAN_SECONDS)


def test_sparse_words_pass_no_gate_that_dense_ones_pass() -> None:
    gate = Gate(min_confidence=0.75, rate_weight=0.01)
    sparse = (SPOKEN[0], Word("day", 9.0, 9.6, 0.6))
    assert gate.accepts(SPOKEN)
    assert not gate.accepts(sparse)
    assert not gate.accepts(())


def save(path, **gate) -> None:
    sizes = acoustic.Settings(layers=1, width=4, channels=2)
    features = Features()
    model = acoustic.Model(sizes, features.n_mels, 3)
    header = {
        "model": {"name": "acoustic", "settings": vars(sizes)},
        "features": {"kind": "log_mel", "settings": vars(features), "fingerprint": features.fingerprint},
        "vocabulary": ["<blank>", " ", "a"],
        "decoder": {"name": "greedy", "settings": {}},
        **gate,
    }
    checkpoint.save(path, "acoustic", header, model.state_dict(), torch.float16)


def test_a_model_brings_its_own_gate(tmp_path) -> None:
    save(tmp_path / "own.safetensors", gate={"min_confidence": 0.61, "rate_weight": 0.012})
    assert load_recognizer(tmp_path / "own.safetensors").gate == Gate(min_confidence=0.61, rate_weight=0.012)
    save(tmp_path / "none.safetensors")
    assert load_recognizer(tmp_path / "none.safetensors").gate == Gate()


@pytest.mark.parametrize("gate", [{"min_confidense": 0.5}, {"min_confidence": "high"}, [0.5], 0.5])
def test_a_damaged_gate_is_refused(tmp_path, gate) -> None:
    save(tmp_path / "bad.safetensors", gate=gate)
    with pytest.raises(CheckpointError, match="damaged header"):
        load_recognizer(tmp_path / "bad.safetensors")
