"""The mean of checkpoints, and the checkpoints of a run that are kept for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import beeps
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru import cli
from speechgru.errors import CheckpointError
from speechgru.inference import load_recognizer
from speechgru.models import averaging, checkpoint

HEADER: dict[str, Any] = {
    "model": {"name": "acoustic", "settings": {"width": 2, "dropout": 0.1}},
    "features": {"kind": "log_mel", "fingerprint": "f"},
    "vocabulary": ["<blank>", "a"],
    "decoder": {"name": "greedy", "settings": {}},
}


def save(path: Path, values: list[float], dtype: torch.dtype = torch.float16, **changes: Any) -> Path:
    provenance = {"recipe": "digits", "epoch": len(path.stem), "corpora": [{"name": "c", "licence": "CC0"}]}
    header = {**HEADER, "provenance": provenance, **changes}
    tensors = {"w": torch.tensor(values, dtype=dtype), "n": torch.tensor([3])}
    checkpoint.save(
        path, changes.get("kind", "acoustic"), {k: v for k, v in header.items() if k != "kind"}, tensors
    )
    return path


@settings(max_examples=20)
@given(st.lists(st.lists(st.floats(-8, 8, width=16), min_size=3, max_size=3), min_size=2, max_size=5))
def test_it_is_the_mean(tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]]) -> None:
    folder = tmp_path_factory.mktemp("mean")
    found = averaging.average([save(folder / f"{i}.safetensors", row) for i, row in enumerate(rows)])
    expected = torch.tensor(rows, dtype=torch.float64).mean(dim=0)
    assert found.tensors["w"].dtype == torch.float16
    assert torch.allclose(found.tensors["w"].double(), expected, atol=2**-8, rtol=2**-10)
    assert found.tensors["n"].tolist() == [3]


def test_sums_are_not_made_in_half_precision(tmp_path: Path) -> None:
    # 60000 + 60000 is beyond float16, and so is 1 beside 2048.
    paths = [
        save(tmp_path / "a.safetensors", [60000.0, 2048.0]),
        save(tmp_path / "b.safetensors", [60000.0, 2052.0]),
    ]
    assert averaging.average(paths).tensors["w"].tolist() == [60000.0, 2050.0]


def test_the_header_says_of_what(tmp_path: Path) -> None:
    first = save(tmp_path / "a.safetensors", [1.0], gate={"x": 1})
    other = {"recipe": "digits", "epoch": 9, "score": 0.5, "corpora": [{"name": "d", "licence": "CC BY"}]}
    second = save(tmp_path / "bb.safetensors", [2.0], gate={"x": 2}, provenance=other)
    header = averaging.average([first, second]).header
    assert header["decoder"] == HEADER["decoder"] and "gate" not in header, (
        "what they don't share is nobody's"
    )
    assert header["provenance"] == {
        "recipe": "digits",
        "corpora": [{"name": "c", "licence": "CC0"}, {"name": "d", "licence": "CC BY"}],
        "averaged": [
            {"file": "a.safetensors", "recipe": "digits", "epoch": 1},
            {"file": "bb.safetensors", "recipe": "digits", "epoch": 9, "score": 0.5},
        ],
    }


@pytest.mark.parametrize(
    ("changes", "values", "expected"),
    [
        ({"kind": "language"}, [1.0], "of kind 'language'; expected 'acoustic'"),
        ({"vocabulary": ["<blank>", "b"]}, [1.0], "has other symbols than"),
        ({"features": {"kind": "log_mel", "fingerprint": "g"}}, [1.0], "has other features than"),
        ({"model": {"name": "acoustic", "settings": {"width": 3}}}, [1.0], "has other sizes than"),
        ({}, [1.0, 2.0], r"has other sizes than .*: w is \(2,\), not \(1,\)"),
    ],
)
def test_another_network_is_refused(
    tmp_path: Path, changes: dict[str, Any], values: list[float], expected: str
) -> None:
    first, other = (
        save(tmp_path / "a.safetensors", [1.0]),
        save(tmp_path / "b.safetensors", values, **changes),
    )
    with pytest.raises(CheckpointError, match=rf"b\.safetensors .*{expected}"):
        averaging.average([first, other])


def test_dropout_is_no_size(tmp_path: Path) -> None:
    model = {"name": "acoustic", "settings": {"width": 2, "dropout": 0.5}}
    paths = [save(tmp_path / "a.safetensors", [1.0]), save(tmp_path / "b.safetensors", [2.0], model=model)]
    assert averaging.average(paths).header["model"] == HEADER["model"]


def test_as_it_is_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(beeps.save_checkpoint(tmp_path / "a.safetensors"))
    target = tmp_path / "mean.safetensors"
    assert cli.main(["model", "average", model, model, "-o", str(target)]) == 0
    out = capsys.readouterr().out
    assert f"{target}: the mean of 2 checkpoints" in out
    assert f"speechgru compare {model} {target} DEV.jsonl" in out
    # Of one model with itself it is that model, and it can be loaded as any other.
    theirs = checkpoint.load(model).tensors
    assert all(torch.allclose(t, theirs[name]) for name, t in checkpoint.load(target).tensors.items())
    said = beeps.beep("see me")
    assert (
        load_recognizer(target).transcribe(said, beeps.RATE).text
        == load_recognizer(model).transcribe(said, beeps.RATE).text
    )

    assert cli.main(["model", "average", model, model, "-o", str(target)]) == 2
    assert "is already there. Pass --overwrite" in capsys.readouterr().err
    assert cli.main(["model", "average", model, "-o", str(tmp_path / "x.safetensors")]) == 2
    assert "two checkpoints or more" in capsys.readouterr().err
    assert cli.main(["model", "average", model, str(tmp_path / "gone"), "-o", str(tmp_path / "x")]) == 1
    assert "does not exist; expected a model file" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
