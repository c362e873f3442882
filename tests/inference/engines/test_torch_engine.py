"""The engine that is built from a model file, and the headers that it refuses."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from speechgru.errors import CheckpointError
from speechgru.features import LogMel
from speechgru.features.frontend import Settings
from speechgru.inference.engines.torch import Engine
from speechgru.models import acoustic, checkpoint
from speechgru.utils import plugins

FEATURES = Settings(n_mels=12)
SIZES = acoustic.Settings(layers=1, width=6, channels=2)
SYMBOLS = ["<blank>", " ", "'", "a", "é"]


def network() -> acoustic.Model:
    torch.manual_seed(0)
    return acoustic.Model(SIZES, FEATURES.n_mels, len(SYMBOLS)).eval()


def header(**changes: Any) -> dict[str, Any]:
    """What training writes; `changes` replace entries."""
    return {
        "model": {"name": "acoustic", "settings": dataclasses.asdict(SIZES)},
        "features": {
            "kind": "log_mel",
            "settings": dataclasses.asdict(FEATURES),
            "fingerprint": FEATURES.fingerprint,
        },
        "vocabulary": SYMBOLS,
        "decoder": {"name": "greedy", "settings": {}},
        "provenance": {"seed": 1, "overrides": [], "scores": {"wer": 0.25}, "note": "naïve"},
        **changes,
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write a checkpoint whose header has `changes`; give its path."""

    def write(kind: str = "acoustic", **changes: Any) -> Path:
        checkpoint.save(tmp_path / "m.safetensors", kind, header(**changes), network().state_dict())
        return tmp_path / "m.safetensors"

    return write


def test_the_engine_runs_what_was_saved(written: Callable[..., Path]) -> None:
    engine = Engine(checkpoint.load(written()))
    features, lengths = LogMel(FEATURES)(torch.randn(2, 8000).clamp(-1, 1), torch.tensor([8000, 3000]))
    expected, frames = network()(features, lengths)
    log_probs, found = engine(features, lengths)
    torch.testing.assert_close(log_probs, expected, atol=1e-6, rtol=0)
    assert found.tolist() == frames.tolist()
    assert not engine.model.training and not log_probs.requires_grad
    assert engine.features.settings == LogMel(FEATURES).settings
    assert (engine.sample_rate, engine.frame_seconds) == (16000, pytest.approx(0.04))
    assert list(engine.vocabulary.symbols) == SYMBOLS


def test_the_engine_takes_half_precision_weights(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, "acoustic", header(), network().state_dict(), torch.float16)
    engine = Engine(checkpoint.load(path))
    assert {p.dtype for p in engine.model.parameters()} == {torch.float32}
    batch = torch.randn(1, 20, FEATURES.n_mels), torch.tensor([20])
    torch.testing.assert_close(engine(*batch)[0], network()(*batch)[0], atol=5e-3, rtol=0)


def features_entry(**settings: Any) -> dict[str, Any]:
    """The header's `features` with other settings and the fingerprint of FEATURES."""
    entry: dict[str, Any] = header()["features"]
    return {**entry, "settings": {**entry["settings"], **settings}}


def model_entry(name: Any = "acoustic", **settings: Any) -> dict[str, Any]:
    return {"name": name, "settings": {**dataclasses.asdict(SIZES), **settings}}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "fingerprint": (
        {"features": {**header()["features"], "fingerprint": "0" * 16}},
        f"{'0' * 16} in training and are {FEATURES.fingerprint} here",
    ),
    "other features": ({"features": features_entry(f_min=30.0)}, "in training and are"),
    "feature key": ({"features": features_entry(n_mel=12)}, "n_mel.*Did you mean 'n_mels'"),
    "feature type": ({"features": features_entry(n_mels="12")}, "n_mels is '12'"),
    "feature range": ({"features": features_entry(f_max=9000.0)}, "f_max=9000"),
    "features without settings": ({"features": {"kind": "log_mel"}}, "settings"),
    "features a list": ({"features": [1]}, "fits no model"),
    "features null": ({"features": None}, "fits no model"),
    "model name": ({"model": model_entry("acoustics")}, "'acoustics'.*Did you mean 'acoustic'.*Choices"),
    "model name a number": ({"model": model_entry(5)}, "fits no model"),
    "model key": ({"model": model_entry(depth=3)}, "'depth'.*Choices: channels"),
    "model type": ({"model": model_entry(width=6.0)}, "width is 6.0; expected a whole number"),
    "model choice": ({"model": model_entry(subsampling=4.0)}, "subsampling.*4.0.*2, 4, 8"),
    "model range": ({"model": model_entry(layers=0)}, "layers"),
    "model too big": ({"model": model_entry(width=10**15)}, "fits no model"),
    "model much too big": ({"model": model_entry(width=10**30)}, "fits no model"),
    "model a text": ({"model": "acoustic"}, "fits no model"),
    "vocabulary": ({"vocabulary": ["a", "b"]}, "<blank>"),
    "vocabulary a number": ({"vocabulary": 5}, "fits no model"),
    "vocabulary too long": ({"vocabulary": [*SYMBOLS, "z"]}, r"head\.bias: expected \(6,\), got \(5,\)"),
    "other width": ({"model": model_entry(width=8)}, "does not fit the model that its header describes"),
    "other depth": ({"model": model_entry(layers=2)}, r"layers\.1.*got nothing"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_header_that_fits_no_model_is_a_checkpoint_error(
    written: Callable[..., Path], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        Engine(checkpoint.load(written(**changes)))
    assert "m.safetensors" in str(caught.value)


@pytest.mark.parametrize("key", ["model", "features", "vocabulary"])
def test_the_engine_names_what_the_header_lacks(tmp_path: Path, key: str) -> None:
    entries = {k: v for k, v in header().items() if k != key}
    checkpoint.save(tmp_path / "m.safetensors", "acoustic", entries, network().state_dict())
    with pytest.raises(CheckpointError, match=f"lacks '{key}' in its header"):
        Engine(checkpoint.load(tmp_path / "m.safetensors"))


@pytest.mark.parametrize(
    "name", ["trap", "..trap", "../trap", "acoustic.trap", "os", "__init__", "_private", ""]
)
def test_no_module_is_imported_because_a_file_names_it(
    written: Callable[..., Path], tmp_path: Path, monkeypatch: Any, name: str
) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    imported: list[str] = []
    real = importlib.import_module

    def record(module: str, package: str | None = None) -> Any:
        imported.append(module)
        return real(module, package)

    monkeypatch.setattr(plugins.importlib, "import_module", record)
    with pytest.raises(CheckpointError, match="Choices: acoustic"):
        Engine(checkpoint.load(written(model=model_entry(name))))
    assert set(imported) <= {"speechgru.models"}
    assert "trap" not in sys.modules


def test_another_kind_is_refused(written: Callable[..., Path]) -> None:
    with pytest.raises(CheckpointError, match="kind 'language'; expected 'acoustic'"):
        Engine(checkpoint.load(written("language")))
