"""What every engine promises: each runtime runs the same models and gives the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx_models import PHONES, RATE, save_checkpoint, speech

from speechgru.inference import load_ctc, load_recognizer
from speechgru.inference.load import RUNTIMES
from speechgru.models import checkpoint

CLOSE = 1e-4
FORMS: dict[str, dict[str, Any]] = {
    "before": {"reset": "before"},
    "after": {"reset": "after"},
    "phones, residual": {"phones": PHONES, "residual": True},
    "stride 8": {"subsampling": 8, "layers": 1},
}


def engine(runtime: str, path: Path) -> Any:
    if runtime == "onnx":
        pytest.importorskip("onnx", reason="the extra onnx isn't installed")
        pytest.importorskip("onnxruntime", reason="the extra onnx isn't installed")
    return load_ctc(path, runtime=runtime).engine


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(form: str, tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "model.safetensors", **FORMS[form])


@pytest.fixture(params=RUNTIMES)
def made(request: pytest.FixtureRequest, path: Path) -> Any:
    return engine(request.param, path)


SIGNALS = [
    speech(2.0),
    speech(0.03),
    speech(1.3, 1),
    np.zeros(0, np.float32),
    speech(0.5, 2),
    np.zeros(1, np.float32),
]


def test_it_says_what_it_is(made: Any, form: str) -> None:
    assert made.sample_rate == RATE
    assert made.frame_seconds == pytest.approx(FORMS[form].get("subsampling", 4) * 0.01)
    assert str(made.device) == made.device.type == "cpu"
    assert made.vocabulary.symbols[:2] == ("<blank>", " ")
    assert made.sounds == FORMS[form].get("phones", ())


def test_outputs_are_distributions(made: Any) -> None:
    (rows,) = made.run([speech(2.0)])
    columns = len(made.vocabulary) + (len(made.sounds) + 1 if made.sounds else 0)
    assert rows.dtype == np.float32
    assert rows.shape == (-(-201 // round(made.frame_seconds * 100)), columns)
    characters = np.exp(rows[:, : len(made.vocabulary)]).sum(axis=1)
    np.testing.assert_allclose(characters, 1.0, atol=1e-4)
    if made.sounds:
        np.testing.assert_allclose(np.exp(rows[:, len(made.vocabulary) :]).sum(axis=1), 1.0, atol=1e-4)


def test_a_batch_gives_what_each_gets_alone(made: Any) -> None:
    together = list(made.run(SIGNALS))
    for signal, rows in zip(SIGNALS, together, strict=True):
        (alone,) = made.run([signal])
        assert alone.shape == rows.shape
        np.testing.assert_allclose(rows, alone, atol=CLOSE, rtol=0)


@pytest.mark.parametrize("samples", [0, 1, 159, 160])
def test_the_shortest_signals_have_a_frame(made: Any, samples: int) -> None:
    (rows,) = made.run([np.full(samples, 0.1, np.float32)])
    assert rows.shape[0] == 1
    assert np.isfinite(rows).all()


def outputs(made: Any) -> list[NDArray[Any]]:
    return list(made.run(SIGNALS))


def test_all_give_the_same(path: Path) -> None:
    expected = outputs(engine("torch", path))
    for runtime in RUNTIMES:
        for rows, wanted in zip(outputs(engine(runtime, path)), expected, strict=True):
            np.testing.assert_allclose(rows, wanted, atol=CLOSE, rtol=0)


def test_all_write_the_same_text(path: Path) -> None:
    texts = set()
    for runtime in RUNTIMES:
        engine(runtime, path)  # skips where it isn't installed
        recognizer = load_recognizer(path, runtime=runtime)
        recognizer.gate = recognizer.gate.__class__(min_confidence=0.0)
        texts.add(recognizer.transcribe(speech(6.0), RATE).text)
    assert len(texts) == 1
    assert len(texts.pop()) > 5


def test_they_hold_the_header_of_the_file(made: Any, path: Path) -> None:
    assert made.header.vocabulary.symbols == tuple(checkpoint.load(path).header["vocabulary"])
    assert made.header.languages == ("en",)
