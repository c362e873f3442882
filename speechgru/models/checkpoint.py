"""One self-describing file: weights and header in safetensors. No pickle, no code named by a file.

Header (safetensors metadata, strings only): `format`, `kind`, and JSON for everything else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from speechgru.errors import CheckpointError, ConfigError
from speechgru.models.header import FORMAT as FORMAT
from speechgru.models.header import H as H
from speechgru.models.header import Header as Header
from speechgru.models.header import NetworkEntry as NetworkEntry
from speechgru.models.header import entry, read, require
from speechgru.models.header import fitting as fitting
from speechgru.utils import files, json_text, plugins, schema
from speechgru.utils.assets import ONNX, SUFFIX, model_file

_LENGTH = 8  # bytes of the number that a file begins with
_LARGEST_HEADER = 100_000_000  # bytes, as safetensors allows


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds. `header` is decoded JSON, all of it, to be written again; `read` gives it a type."""

    path: Path
    kind: str
    header: dict[str, Any]
    tensors: dict[str, Tensor]

    def require(self, kind: str) -> Checkpoint:
        """Itself, if it is of this kind.

        Raises:
            CheckpointError: it is of another.
        """
        require(self.path, self.kind, kind)
        return self

    def get(self, key: str) -> Any:
        """An entry of the header.

        Raises:
            CheckpointError: it is missing.
        """
        return entry(self.path, self.header, key)

    def read(self, header: type[H]) -> H:
        """The header as its kind has it. Entries that `header` doesn't know are passed over.

        Raises:
            CheckpointError: the model is of another kind; an entry is missing, of another type or makes no sense.
        """
        return read(self.path, self.kind, self.header, header)


def save(
    path: str | Path,
    kind: str,
    header: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype | None = None,
) -> None:
    """Write a checkpoint, whole or not at all. Floating-point tensors are stored as `dtype` where given.

    Raises:
        ValueError: `header` holds `format` or `kind`, which are the file's own.
    """
    if {"format", "kind"} & header.keys():
        raise ValueError(f"a header can't hold format or kind, got {sorted(header)}")
    metadata = {"format": FORMAT, "kind": kind}
    metadata |= {key: json.dumps(value, ensure_ascii=False, sort_keys=True) for key, value in header.items()}
    stored = {
        name: tensor.detach()
        .cpu()
        .to(dtype if dtype and tensor.is_floating_point() else tensor.dtype)
        .contiguous()
        for name, tensor in tensors.items()
    }
    with files.atomic_path(path) as temporary:
        # As bytes: safetensors' own file writer would put a file with private permissions in its place.
        temporary.write_bytes(safetensors.torch.save(stored, metadata))


def annotate(path: str | Path, entries: Mapping[str, Any], target: str | Path | None = None) -> None:
    """Write a checkpoint again with `entries` in its header, over those of the same names.

    Args:
        target: the file to write; the checkpoint's own by default.

    Raises:
        CheckpointError: there is none at `path`.
    """
    loaded = load(path)
    save(target or loaded.path, loaded.kind, {**loaded.header, **entries}, loaded.tensors)


def load(path: str | Path) -> Checkpoint:
    """Read a checkpoint; tensors keep the precision in which they are stored.

    Raises:
        CheckpointError: no such file, or it isn't a checkpoint of this format.
    """
    path = model_file(path)
    if path.suffix == ONNX:
        raise CheckpointError(
            f"{path} is a model in ONNX, which transcribe, evaluate and align can run; this needs the "
            f"checkpoint it was exported from ({SUFFIX})."
        )
    try:
        files.check_readable(path)  # safetensors maps it
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}.") from error
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise CheckpointError(
                    f"{path} has format {metadata.get('format')!r}; expected {FORMAT!r}. Was it written by another "
                    "program or version?"
                )
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, OSError) as error:
        why = _cut_short(path)
        if why:
            raise CheckpointError(f"{path} is cut short: {why}. Copy or download it again.") from error
        few = path.stat().st_size <= _LENGTH
        reason = f"it has only {path.stat().st_size} bytes: was it cut short?" if few else error
        raise CheckpointError(f"{path} is not a model file ({reason}); expected safetensors.") from error
    kind = metadata.get("kind", "")
    try:
        header = {k: json_text.loads(v) for k, v in metadata.items() if k not in ("format", "kind")}
    except ValueError as error:
        raise CheckpointError(f"{path} has a damaged header ({error}).") from error
    return Checkpoint(path, kind, header, tensors)


def _cut_short(path: Path) -> str:
    """How much of a safetensors file is missing; "" where it is whole or no such file.

    It begins with the length of its header, eight bytes, little-endian; the header is JSON with each tensor's
    `data_offsets`, counted from the header's end.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        text = file.read(min(length, _LARGEST_HEADER))
    if size <= _LENGTH or not text.startswith(b"{") or length > _LARGEST_HEADER:
        return ""
    if len(text) < length:
        return f"it ends within its header, at {size:,} bytes"
    try:
        entries = json.loads(text)
        ends = [int(entry["data_offsets"][1]) for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, RecursionError, TypeError, KeyError, IndexError, AttributeError):
        return ""
    whole = _LENGTH + length + max(ends, default=0)
    return f"it has {size:,} of {whole:,} bytes" if size < whole else ""


def network(checkpoint: Checkpoint, entry: NetworkEntry, *sizes: int, folder: str = "models") -> Any:
    """The network that a header describes, with the checkpoint's weights, ready to be used.

    It is made on the meta device, without memory or first values: weights come from the file, once their shapes are
    known to fit.

    Args:
        entry: the header's `model`.
        sizes: that networks of its kind want beside their settings.
        folder: where these lie.

    Raises:
        CheckpointError: there is no such network, it is of another kind, its settings make no sense, or the weights
            don't fit it.
    """
    with fitting(checkpoint.path):
        module: Any = plugins.find(folder, entry.name)
        if checkpoint.kind != module.KIND:
            raise ConfigError(f"{entry.name!r} is a network of kind {module.KIND!r}")
        settings = schema.build(module.Settings, entry.settings, "model")
        with torch.device("meta"):
            made = module.Model(settings, *sizes)
    fill(made, checkpoint)
    return made.eval()


def fill(module: nn.Module, checkpoint: Checkpoint) -> None:
    """Give `module`, which may be on the meta device, a checkpoint's weights in the module's own precision.

    Raises:
        CheckpointError: names or shapes differ; the message names the first few.
    """
    own = module.state_dict()
    wanted = {name: tuple(t.shape) for name, t in own.items()}
    given = {name: tuple(t.shape) for name, t in checkpoint.tensors.items()}
    wrong = [name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name)]
    if wrong:
        first = ", ".join(
            f"{name}: expected {wanted.get(name, 'nothing')}, got {given.get(name, 'nothing')}"
            for name in sorted(wrong)[:3]
        )
        raise CheckpointError(f"{checkpoint.path} does not fit the model that its header describes: {first}.")
    module.load_state_dict({n: t.to(own[n].dtype) for n, t in checkpoint.tensors.items()}, assign=True)
