"""The model file: round trip, and everything that can be wrong with it."""

from __future__ import annotations

import ast
import inspect
import json
import os
import pickle
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from speechgru.errors import CheckpointError, ConfigError
from speechgru.features.frontend import Settings
from speechgru.inference import select
from speechgru.inference.acoustic_header import AcousticHeader, DecoderEntry
from speechgru.inference.classifier import ClassifierHeader
from speechgru.inference.engines import torch as engines
from speechgru.inference.gate import Gate
from speechgru.inference.word_times import Times
from speechgru.models import Checkpoint, checkpoint
from speechgru.models.checkpoint import Header, NetworkEntry
from speechgru.models.settings import DetectorSettings
from speechgru.text import Vocabulary

HEADER = {
    "model": {"name": "acoustic", "settings": {"width": 6, "dropout": 0.2}},
    "vocabulary": ["<blank>", " ", "é"],
    "provenance": {"seed": 1, "overrides": [], "scores": {"wer": 0.25}, "note": "naïve", "best": None},
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write a checkpoint whose header has `changes`; give its path."""

    def write(kind: str = "acoustic", **changes: Any) -> Path:
        tensors = nn.Linear(30, 20).state_dict()
        checkpoint.save(tmp_path / "m.safetensors", kind, {**HEADER, **changes}, tensors)
        return tmp_path / "m.safetensors"

    return write


def raw(path: Path, metadata: dict[str, str] | None) -> Path:
    save_file({"weight": torch.ones(2)}, str(path), metadata)
    return path


class Boom:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_round_trip(tmp_path: Path) -> None:
    tensors = {
        "float": torch.randn(3, 4),
        "half": torch.randn(5).half(),
        "count": torch.tensor(7),
        "turned": torch.randn(4, 3).T,
        "parameter": nn.Parameter(torch.randn(2)),
    }
    path = tmp_path / "new" / "folder" / "m.safetensors"
    checkpoint.save(path, "anything", HEADER, tensors)
    loaded = checkpoint.load(str(path))
    assert (loaded.path, loaded.kind, loaded.header) == (path, "anything", HEADER)
    assert loaded.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded.tensors[name].dtype == tensor.dtype
        assert torch.equal(loaded.tensors[name], tensor.detach())
    assert os.listdir(path.parent) == ["m.safetensors"]


def test_float16_halves_weights_and_leaves_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    weights = torch.linspace(-2, 2, 1000)
    checkpoint.save(path, "k", {}, {"w": weights, "n": torch.tensor([70000])}, torch.float16)
    tensors = checkpoint.load(path).tensors
    assert tensors["w"].dtype == torch.float16 and tensors["n"].tolist() == [70000]
    torch.testing.assert_close(tensors["w"].float(), weights, atol=1e-3, rtol=0)
    assert path.stat().st_size < 2000 + 300
    module = nn.Linear(1000, 1, bias=False)
    checkpoint.fill(module, Checkpoint(path, "k", {}, {"weight": tensors["w"].unsqueeze(0)}))
    assert module.weight.dtype == torch.float32
    assert torch.equal(module.weight[0], weights.half().float())


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors does not exist"):
        checkpoint.load(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="is a folder"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x", b"RIFF....WAVE" * 50, b"\0" * 1000, b"\xff" * 1000])
def test_junk_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"m\.safetensors is not a model file .*expected safetensors"):
        checkpoint.load(path)


def test_a_file_cut_short_is_no_model(written: Callable[..., Path]) -> None:
    path = written()
    whole = path.read_bytes()
    for size in (4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="cut short"):
            checkpoint.load(path)


@pytest.mark.parametrize(
    "metadata", [None, {}, {"format": "pt"}, {"format": "speechgru/2", "kind": "acoustic"}]
)
def test_safetensors_of_others_are_refused(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    path = raw(tmp_path / "other.safetensors", metadata)
    with pytest.raises(CheckpointError, match=r"other\.safetensors has format .*expected 'speechgru/1'"):
        checkpoint.load(path)


@pytest.mark.parametrize("text", ["{", "", "{'a': 1}", "[" * 100_000])
def test_a_damaged_header_is_named(text: str, tmp_path: Path) -> None:
    path = raw(tmp_path / "m.safetensors", {"format": "speechgru/1", "kind": "acoustic", "model": text})
    with pytest.raises(CheckpointError, match=r"m\.safetensors has a damaged header"):
        checkpoint.load(path)


def test_another_kind_is_refused(written: Callable[..., Path]) -> None:
    loaded = checkpoint.load(written("language"))
    assert loaded.require("language") is loaded
    with pytest.raises(CheckpointError, match="kind 'language'; expected 'acoustic'"):
        loaded.require("acoustic")


def test_a_file_without_a_kind_is_of_no_kind(tmp_path: Path) -> None:
    loaded = checkpoint.load(raw(tmp_path / "m.safetensors", {"format": "speechgru/1"}))
    with pytest.raises(CheckpointError, match="kind ''; expected 'acoustic'"):
        loaded.require("acoustic")


def test_a_missing_entry_is_named(written: Callable[..., Path]) -> None:
    loaded = checkpoint.load(written())
    assert loaded.get("vocabulary") == HEADER["vocabulary"]
    with pytest.raises(CheckpointError, match="lacks 'tokens' in its header"):
        loaded.get("tokens")


FEATURES = Settings(n_mels=12)
GATE, TIMES = Gate(min_confidence=0.5), Times(start=0.01, end=0.02, quiet=0.3, reach=0.4)
ACOUSTIC = {
    **HEADER,
    "features": {"kind": "log_mel", "settings": vars(FEATURES), "fingerprint": FEATURES.fingerprint},
    "sounds": [" ", "AA"],
    "languages": ["fr"],
    "decoder": {"name": "beam", "settings": {"beam": 8}},
    "gate": vars(GATE),
    "times": vars(TIMES),
    "confidence": {},
}


def test_a_header_is_read_as_its_kind_has_it(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, "acoustic", ACOUSTIC, {})
    assert checkpoint.load(path).read(AcousticHeader) == AcousticHeader(
        path=path,
        model=NetworkEntry(**HEADER["model"]),
        provenance=HEADER["provenance"],
        features=FEATURES,
        vocabulary=Vocabulary(("<blank>", " ", "é")),
        sounds=(" ", "AA"),
        languages=("fr",),
        decoder=DecoderEntry("beam", {"beam": 8}),
        gate=GATE,
        times=TIMES,
    )
    required = {key: ACOUSTIC[key] for key in ("model", "features", "vocabulary")}
    checkpoint.save(path, "acoustic", required, {})
    header = checkpoint.load(path).read(AcousticHeader)
    assert (header.decoder.name, header.gate, header.times, header.provenance) == ("greedy", Gate(), None, {})
    assert header.outputs == ("<blank>", " ", "é")


def test_a_header_is_of_one_kind(written: Callable[..., Path]) -> None:
    loaded = checkpoint.load(written("language"))
    assert loaded.read(Header).model.name == "acoustic", "what all kinds have"
    with pytest.raises(CheckpointError, match="kind 'language'; expected 'acoustic'"):
        loaded.read(AcousticHeader)


@pytest.mark.parametrize("key", ["model", "features", "vocabulary"])
def test_a_header_that_lacks_an_entry(tmp_path: Path, key: str) -> None:
    entries = {name: value for name, value in ACOUSTIC.items() if name != key}
    checkpoint.save(tmp_path / "m.safetensors", "acoustic", entries, {})
    with pytest.raises(CheckpointError, match=rf"m\.safetensors lacks '{key}' in its header"):
        checkpoint.load(tmp_path / "m.safetensors").read(AcousticHeader)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model", "acoustic", "model is 'acoustic'; expected keys with values"),
        ("model", {"name": "acoustic"}, "model.settings is missing"),
        ("vocabulary", "abc", r"vocabulary is 'abc'; expected a list"),
        ("sounds", [1], r"sounds\[0\] is 1; expected text"),
        ("decoder", {"settings": [8]}, r"decoder.settings is \[8\]"),
        ("gate", {"min_confidence": "high"}, "gate.min_confidence is 'high'; expected a number"),
        ("gate", None, "gate is null"),
        ("times", {**vars(TIMES), "ends": 1.0}, "unknown key in times.*'ends'|'ends'.*Did you mean 'end'"),
        ("confidence", {"beam": {"bias": 0.0}}, "confidence.beam.mean is missing"),
        ("provenance", "mine", "provenance is 'mine'"),
    ],
)
def test_an_entry_of_another_type_is_named_with_its_file(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    checkpoint.save(tmp_path / "m.safetensors", "acoustic", {**ACOUSTIC, key: value}, {})
    with pytest.raises(CheckpointError, match=rf"(?s)m\.safetensors has a damaged header.*({message})"):
        checkpoint.load(tmp_path / "m.safetensors").read(AcousticHeader)


def test_entries_that_nobody_knows_stay_in_the_file(tmp_path: Path) -> None:
    path, extra = tmp_path / "m.safetensors", {"note": {"by": "somebody", "tags": ["a"]}}
    checkpoint.save(path, "acoustic", {**ACOUSTIC, **extra}, {"w": torch.ones(2)})
    checkpoint.annotate(path, {"gate": {"min_confidence": 0.9}})
    loaded = checkpoint.load(path)
    assert loaded.read(AcousticHeader).gate == Gate(min_confidence=0.9)
    assert loaded.header["note"] == extra["note"] and loaded.header["sounds"] == ACOUSTIC["sounds"]


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for name, write in {
        "plain": lambda path: path.write_bytes(pickle.dumps(Boom(made))),
        "torch": lambda path: torch.save(Boom(made), path),
    }.items():
        path = tmp_path / f"{name}.safetensors"
        write(path)
        with pytest.raises(CheckpointError, match="is not a model file"):
            checkpoint.load(path)
        assert not made.exists()
    pickle.loads(pickle.dumps(Boom(made)))
    assert made.exists(), "the trap itself works"


def test_the_code_knows_no_pickle() -> None:
    for module in (checkpoint, engines):
        tree = ast.parse(inspect.getsource(module))
        names = {n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not names & {"pickle", "marshal", "shelve", "dill", "importlib"}
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not called & {"torch.load", "eval", "exec", "__import__", "getattr", "globals"}


def test_a_failing_write_leaves_the_old_file(written: Callable[..., Path], monkeypatch: Any) -> None:
    path = written()
    before = path.read_bytes()

    whole = Path.write_bytes

    def break_off(file: Path, data: bytes) -> int:
        whole(file, data[: len(data) // 2])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", break_off)
    with pytest.raises(OSError, match="No space"):
        written()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_what_json_cannot_hold_leaves_the_old_file(written: Callable[..., Path]) -> None:
    path = written()
    before = path.read_bytes()
    with pytest.raises(TypeError):
        written(provenance={"where": path})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_header_is_plain_json_text(written: Callable[..., Path]) -> None:
    """Anybody can read it: eight bytes of length, then JSON."""
    content = written().read_bytes()
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    assert metadata.pop("format") == "speechgru/1" and metadata.pop("kind") == "acoustic"
    assert {key: json.loads(value) for key, value in metadata.items()} == HEADER
    assert "naïve" in metadata["provenance"]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, r"weight: expected \(2, 3\), got \(3, 2\)"),
        ({"weight": torch.zeros(2, 3)}, r"bias: expected \(2,\), got nothing"),
        (
            {"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "more": torch.zeros(1)},
            r"more: expected nothing, got \(1,\)",
        ),
        ({}, r"bias: .*, weight: "),
    ],
)
def test_names_and_shapes_must_fit(tensors: dict[str, torch.Tensor], message: str) -> None:
    module = nn.Linear(3, 2)
    before = module.weight.detach().clone()
    with pytest.raises(CheckpointError, match=message):
        checkpoint.fill(module, Checkpoint(Path("m.safetensors"), "k", {}, tensors))
    assert torch.equal(module.weight, before)


def test_it_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "m.safetensors", "acoustic", {}, {"w": torch.zeros(2)})
    (tmp_path / "other").write_text("")
    assert (tmp_path / "m.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("key", ["format", "kind"])
def test_a_header_leaves_the_files_own_entries_alone(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="can't hold"):
        checkpoint.save(tmp_path / "m.safetensors", "acoustic", {key: 1}, {})


def test_a_header_can_be_added_to(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, "acoustic", {"gate": 1, "model": "small"}, {"w": torch.ones(2)})
    checkpoint.annotate(path, {"gate": 2, "times": [3]}, tmp_path / "other.safetensors")
    assert checkpoint.load(path).header == {"gate": 1, "model": "small"}
    other = checkpoint.load(tmp_path / "other.safetensors")
    assert other.header == {"gate": 2, "model": "small", "times": [3]}
    assert other.kind == "acoustic" and torch.equal(other.tensors["w"], torch.ones(2))
    checkpoint.annotate(path, {"gate": 4})
    assert checkpoint.load(path).header["gate"] == 4


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "settings",
    [{"dropout": 10**400}, {"layers": 1 << 31}, {"layers": 101}],
)
def test_settings_that_no_model_has_are_refused_at_once(
    written: Callable[..., Path], settings: dict[str, Any]
) -> None:
    path = written(model={"name": "acoustic", "settings": {"width": 6, **settings}})
    loaded = checkpoint.load(path)
    with pytest.raises(CheckpointError, match=r"m\.safetensors has a damaged header"):
        checkpoint.network(loaded, NetworkEntry("acoustic", loaded.header["model"]["settings"]), 8, 3)


def test_a_detector_that_looks_hours_ahead_is_refused() -> None:
    with pytest.raises(ConfigError, match="delay from 0 to 1000"):
        DetectorSettings(delay=1 << 40)


def test_a_header_that_is_nested_without_end_is_damaged(tmp_path: Path) -> None:
    metadata = {"format": checkpoint.FORMAT, "kind": "acoustic", "model": DEEP}
    save_file({"a": torch.zeros(1)}, tmp_path / "m.safetensors", metadata)
    with pytest.raises(CheckpointError, match=r"damaged header \(nested too deeply\)"):
        checkpoint.load(tmp_path / "m.safetensors")


def test_a_stored_decoder_that_is_not_there_is_the_files_fault() -> None:
    header = AcousticHeader(
        model=NetworkEntry("acoustic", {}),
        features=Settings(),
        vocabulary=Vocabulary(("<blank>", "a")),
        decoder=DecoderEntry("x"),
        path=Path("m.safetensors"),
    )
    with pytest.raises(CheckpointError, match=r"m\.safetensors has a damaged header.*'x'"):
        select.decoder(header)


def test_a_file_that_is_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "whole.safetensors"
    checkpoint.save(path, "acoustic", {"model": "x" * 50}, {"a": torch.zeros(100), "b": torch.ones(7)})
    whole = path.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for size in (0, 5, 9, 60, len(whole) - 428, len(whole) - 1):
        cut.write_bytes(whole[:size])
        expected = r"cut\.safetensors is cut short: .* Copy or download it again"
        with pytest.raises(CheckpointError, match=expected if size > 8 else "only . bytes: was it cut short"):
            checkpoint.load(cut)
    with pytest.raises(CheckpointError, match=f"it has {len(whole) - 1} of {len(whole)} bytes"):
        checkpoint.load(cut)
    for other in (b"<html>no</html>" * 9, b"\xff" * 64, (2).to_bytes(8, "little") + b"[]", whole + b"more"):
        cut.write_bytes(other)
        with pytest.raises(CheckpointError, match="is not a model file") as caught:
            checkpoint.load(cut)
        assert "cut short" not in str(caught.value)


def test_a_classifier_of_nothing_is_damaged(written: Callable[..., Path]) -> None:
    features = {"kind": "log_mel", "settings": asdict(Settings()), "fingerprint": Settings().fingerprint}
    loaded = checkpoint.load(written("classifier", classes=[], features=features))
    with pytest.raises(CheckpointError, match="classes is empty"):
        loaded.read(ClassifierHeader)
