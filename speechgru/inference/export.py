"""A model that CTC trained as an ONNX file, with its symbol table: for ONNX Runtime, sherpa-onnx and others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import CheckpointError
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.models import Checkpoint, checkpoint, onnx_layouts
from speechgru.models.onnx_graph import Precision
from speechgru.models.onnx_layouts import Graph, LayoutName
from speechgru.models.settings import AcousticSettings
from speechgru.text.subwords import WORD_START
from speechgru.text.vocabulary import SPACE
from speechgru.utils import files, schema

OWN_TYPE = "speechgru_ctc"
TOKENS = "tokens.txt"
_FILES: dict[Precision, str] = {
    "float32": "model.onnx",
    "float16": "model.float16.onnx",
    "int8": "model.int8.onnx",
}


def names(precision: Precision) -> tuple[str, str]:
    """The two files that an export writes: the model and its symbol table."""
    return _FILES[precision], TOKENS


def export(
    loaded: Checkpoint, folder: Path, precision: Precision = "float32", layout: LayoutName = "speechgru"
) -> list[Path]:
    """Write a model and its symbol table into `folder`, each whole or not at all; their paths.

    Raises:
        CheckpointError: it is no model that CTC trained, or damaged.
        ConfigError: it can't have this layout.
        DependencyError: onnx isn't installed.
    """
    made, header = _graph(loaded, precision, layout)
    model, table = (folder / name for name in names(precision))
    with files.atomic_path(model) as temporary:
        temporary.write_bytes(made.model.SerializeToString())
    with files.atomic_path(table) as temporary:
        temporary.write_text(tokens(header.vocabulary.symbols[1:], made.blank), encoding="utf-8")
    return [model, table]


def graph(loaded: Checkpoint, precision: Precision = "float32", layout: LayoutName = "speechgru") -> Any:
    """The ModelProto of a model. Errors as for `export`."""
    return _graph(loaded, precision, layout)[0].model


def _graph(loaded: Checkpoint, precision: Precision, layout: LayoutName) -> tuple[Graph, AcousticHeader]:
    if loaded.kind != AcousticHeader.KIND:
        raise CheckpointError(
            f"{loaded.path} holds a model of kind {loaded.kind!r}, and only those that CTC trained are "
            "exported. Take one like english-small."
        )
    header = loaded.read(AcousticHeader)
    features, symbols = header.features, len(header.vocabulary)
    # Also proves that the weights fit the settings.
    network: Any = checkpoint.network(loaded, header.model, features.n_mels, symbols)
    settings: AcousticSettings = schema.build(AcousticSettings, header.model.settings, "model")
    onnx_layouts.check(layout, features, settings)
    weights: dict[str, NDArray[np.float32]] = {
        name: tensor.detach().float().numpy() for name, tensor in network.state_dict().items()
    }
    metadata = _metadata(loaded, header, settings, layout)
    made = onnx_layouts.build(layout, weights, features, settings, symbols, precision, metadata)
    return made, header


def _metadata(
    loaded: Checkpoint, header: AcousticHeader, settings: AcousticSettings, layout: LayoutName
) -> dict[str, str]:
    if layout == "speechgru":
        entries = json.dumps(loaded.header, ensure_ascii=False, sort_keys=True)
        return {"model_type": OWN_TYPE, "format": checkpoint.FORMAT, "speechgru": entries}
    common = {
        "version": "1",
        "model_author": "speechgru",
        "comment": f"{loaded.path.stem}: GRU and CTC over characters, exported by speechgru",
        "language": ",".join(header.languages),
    }
    if layout == "zipformer2_ctc":
        return {"model_type": "zipformer2_ctc", **common}
    return {
        "model_type": "EncDecCTCModel",
        **common,
        "vocab_size": str(len(header.vocabulary) - 1),
        "subsampling_factor": str(settings.subsampling),
        "normalize_type": "per_feature",
        "feat_dim": str(onnx_layouts.BANDS),
        "is_giga_am": "0",
    }


def tokens(symbols: tuple[str, ...], blank: int) -> str:
    """The symbol table of characters: the blank first (0) or last, a space as ▁."""
    rows = [WORD_START if symbol == SPACE else symbol for symbol in symbols]
    rows.insert(blank, "<blk>")
    return "".join(f"{row} {number}\n" for number, row in enumerate(rows))
