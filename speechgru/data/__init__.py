"""Recordings with their texts: manifests, corpora, splits, checks, batches, features on disk."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.data.dataset import Recordings
    from speechgru.data.dataset import plan as plan_batches
    from speechgru.data.manifest import Utterance, check, read_audio
    from speechgru.data.manifest import read as read_manifest
    from speechgru.data.manifest import write as write_manifest
    from speechgru.data.preparation import prepare

_HOMES = {
    "Recordings": ("speechgru.data.dataset", "Recordings"),
    "Utterance": ("speechgru.data.manifest", "Utterance"),
    "check": ("speechgru.data.manifest", "check"),
    "plan_batches": ("speechgru.data.dataset", "plan"),
    "prepare": ("speechgru.data.preparation", "prepare"),
    "read_audio": ("speechgru.data.manifest", "read_audio"),
    "read_manifest": ("speechgru.data.manifest", "read"),
    "write_manifest": ("speechgru.data.manifest", "write"),
}

__all__ = [
    "Recordings",
    "Utterance",
    "check",
    "plan_batches",
    "prepare",
    "read_audio",
    "read_manifest",
    "write_manifest",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
