"""What a run was made from, so that it can be made again: receipt.json beside its report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechgru.errors import ConfigError, TrainingError
from speechgru.models import checkpoint
from speechgru.utils import files, json_text, schema

NAME = "receipt.json"
FORMAT = "speechgru-receipt/1"


@dataclass(frozen=True)
class Receipt:
    """A finished run. `settings` and `data` are hashes of all that shapes the weights, `weights` is one of the best
    epoch's tensors, `score` its dev score; `folder` is where the recipe lay."""

    recipe: str
    folder: str
    overrides: list[str]
    seed: int
    processes: int
    device: str
    threads: int
    commit: str
    versions: dict[str, str]
    settings: str
    data: str
    weights: str
    score: float
    format: str = FORMAT

    def differences(self, versions: Mapping[str, str], commit: str) -> list[str]:
        """What is not as it was when the run was made, in words."""
        changes = [
            f"{name} {then} then, {versions.get(name, 'not installed')} now"
            for name, then in self.versions.items()
            if versions.get(name) != then
        ]
        if self.commit != commit:
            changes.append(f"commit {self.commit or 'unknown'} then, {commit or 'unknown'} now")
        return changes


def fingerprint(*values: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def weights(path: str | Path) -> str:
    """SHA-256 of a checkpoint's tensors by name; its header, which holds times, is left out.

    Raises:
        CheckpointError: it can't be read.
    """
    tensors = checkpoint.load(path).tensors
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().numpy().tobytes())
    return digest.hexdigest()


def write(folder: str | Path, receipt: Receipt) -> Path:
    """Write it into the run's folder."""
    path = Path(folder) / NAME
    files.write_text(path, json.dumps(asdict(receipt), indent=2, ensure_ascii=False) + "\n")
    return path


def read(path: str | Path) -> Receipt:
    """Read what `write` wrote.

    Raises:
        TrainingError: there is none, or it isn't a receipt.
    """
    path = Path(path)
    if path.is_dir():
        path = path / NAME
    try:
        with files.named_errors(path):
            values = json_text.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ConfigError(f"its format isn't {FORMAT!r}")
        return schema.build(Receipt, values, "receipt")
    except FileNotFoundError:
        raise TrainingError(
            f"There is no {path}; expected the {NAME} of a run, or the run's folder."
        ) from None
    except (ValueError, ConfigError) as error:
        raise TrainingError(f"{path} is no receipt of a run: {error}") from error
