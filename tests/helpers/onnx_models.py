"""Small models in ONNX, as we and others export them; untrained, so what they write is babble."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechgru.features import LogMel, frontend
from speechgru.inference import export
from speechgru.models import acoustic, checkpoint

RATE = 16000
SYMBOLS = ("<blank>", " ", "'", *"abcdefghijklmnopqrstuvwxyz")
PHONES = (" ", "AA", "B", "K")
# As a tokenizer of SentencePiece has them, the blank apart.
PIECES = ("▁", "▁the", "▁c", "at", "▁s", "s", "t", "a", "▁on", "e", "▁dog", "ing")


def save_checkpoint(
    path: Path,
    *,
    symbols: Sequence[str] = SYMBOLS,
    phones: Sequence[str] = (),
    seed: int = 0,
    **settings: Any,
) -> Path:
    """A checkpoint whose outputs vary from frame to frame: each symbol has its turn."""
    features = frontend.Settings(n_mels=40)
    sizes = acoustic.Settings(
        **{"layers": 2, "width": 24, "channels": 4, "sounds": len(phones) + 1 if phones else 0, **settings}
    )
    torch.manual_seed(seed)
    model = acoustic.Model(sizes, features.n_mels, len(symbols))
    signal = torch.from_numpy(speech(4.0))
    with torch.no_grad():
        model.head.weight *= 12
        frames, _, _ = model.eval().encode(*LogMel(features)(signal[None], torch.tensor([len(signal)])))
        model.head.bias -= model.head(frames).mean(dim=(0, 1))
    header = {
        "model": {"name": "acoustic", "settings": dataclasses.asdict(sizes)},
        "features": {
            "kind": "log_mel",
            "settings": dataclasses.asdict(features),
            "fingerprint": features.fingerprint,
        },
        "vocabulary": list(symbols),
        "decoder": {"name": "greedy", "settings": {}},
        "languages": ["en"],
        "provenance": {},
        **({"sounds": list(phones)} if phones else {}),
    }
    checkpoint.save(path, "acoustic", header, model.state_dict())
    return path


def exported(folder: Path, layout: Any = "zipformer2_ctc", **checkpoint_settings: Any) -> Path:
    """A model in ONNX in `folder`, with tokens.txt beside."""
    folder.mkdir(parents=True, exist_ok=True)
    path = save_checkpoint(folder / "source.safetensors", **checkpoint_settings)
    model, _ = export.export(checkpoint.load(path), folder, layout=layout)
    path.unlink()
    return model


def with_pieces(
    folder: Path, layout: Any = "zipformer2_ctc", pieces: Sequence[str] = PIECES, **more: Any
) -> Path:
    """The same, whose outputs are pieces of words."""
    letters = tuple(chr(0x4E00 + n) for n in range(len(pieces)))
    model = exported(folder, layout, symbols=("<blank>", *letters), **more)
    rows = [*pieces, "<blk>"] if layout == "nemo" else ["<blk>", *pieces]
    write_tokens(folder, rows)
    return model


def write_tokens(folder: Path, tokens: Sequence[str]) -> None:
    text = "".join(f"{token} {n}\n" for n, token in enumerate(tokens))
    (folder / "tokens.txt").write_text(text, encoding="utf-8")


def edit(path: Path, change: Callable[[Any], None] | None = None, **metadata: str | None) -> Path:
    """Change a model in its place: its metadata (None takes one away), and whatever `change` does to it."""
    import onnx

    model = onnx.load(path)
    kept = {each.key: each.value for each in model.metadata_props}
    kept = {key: value for key, value in {**kept, **metadata}.items() if value is not None}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, kept)
    if change is not None:
        change(model)
    onnx.save(model, path)
    return path


def waveform_model(path: Path, symbols: int, *, mask: bool = False, seed: int = 0) -> Path:
    """As a wav2vec 2.0 model is exported: input_values [N, time] → logits [N, T, symbols], one for every 320
    samples."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(seed)
    constants: Mapping[str, Any] = {
        "kernel": (0.3 * generator.standard_normal((symbols, 1, 400))).astype(np.float32),
        "one": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Unsqueeze", ["input_values", "one"], ["wave"]),
        helper.make_node("Conv", ["wave", "kernel"], ["out"], strides=[320]),
        helper.make_node("Transpose", ["out"], ["logits"], perm=[0, 2, 1]),
    ]
    inputs = [helper.make_tensor_value_info("input_values", TensorProto.FLOAT, ["N", "time"])]
    if mask:
        inputs.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["N", "time"]))
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "T", symbols])
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", inputs, [output], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def speech(seconds: float, seed: int = 0) -> np.ndarray[Any, Any]:
    """Noise whose colour and level change as those of speech do, so that a network's outputs change too."""
    generator = np.random.default_rng(seed)
    count = round(seconds * RATE)
    time = np.arange(count) / RATE
    pitch = 300 + 200 * np.sin(2 * np.pi * 1.7 * time + seed)
    voice = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * (0.5 + 0.5 * np.sin(2 * np.pi * 3.1 * time))
    hiss = generator.standard_normal(count) * (0.5 - 0.5 * np.sin(2 * np.pi * 2.3 * time))
    return (0.2 * voice + 0.05 * hiss).astype(np.float32)
